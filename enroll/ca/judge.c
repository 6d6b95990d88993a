/* SPDX-License-Identifier: ISC */
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "base/wire.h"
#include "ca/judge.h"
#include "ca/sandbox.h"
#include "ca/workdir.h"

#define RESULT_MAX (256u * 1024)

struct judge {
	pid_t pid;
	int to, from;
};

/* Its judgement: one of these, and then what belongs to it. */
enum verdict {
	VERDICT_GOOD,
	VERDICT_REFUSED,
	VERDICT_UNAVAILABLE,
};

/* --- the process: what it reads before --------------------------------- */

/* OpenSSL reads its settings at its first use. */
static void
wake_openssl(void)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int n;

	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
		OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_LOAD_CONFIG,
	    NULL);
	(void)EVP_Digest("", 0, digest, &n, EVP_sha256(), NULL);
	tzset();
}

/* --- the process: its judgement ---------------------------------------- */

static int
put_judgement(struct bytes *out, const struct judged_request *q)
{
	const struct slice name = { q->key_name, sizeof(q->key_name) };
	const struct slice numbers = { q->ek.numbers, q->ek.numbers_len };
	int r;

	if ((r = wire_put_string(out, bytes_slice(&q->destination))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->name))) != 0 ||
	    (r = wire_put_u32(out, q->type)) != 0 ||
	    (r = wire_put_u32(out, q->wants)) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->blob))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->bound))) != 0 ||
	    (r = wire_put_string(out, name)) != 0 ||
	    (r = wire_put_u32(out, q->ek.type)) != 0 ||
	    (r = wire_put_u32(out, q->ek.name_alg)) != 0 ||
	    (r = wire_put_u32(out, q->ek.aes_bits)) != 0 ||
	    (r = wire_put_string(out, numbers)) != 0 ||
	    (r = wire_put_u32(out, q->standing)) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->ek_certificate))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->ek_issuer))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->ek_subject))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->ek_serial))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->ek_maker))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->ek_problem))) != 0 ||
	    (r = wire_put_u32(out, q->presence)) != 0 ||
	    (r = wire_put_u32(out, q->pin)) != 0 ||
	    (r = wire_put_u32(out, q->pin_lifetime)) != 0 ||
	    (r = wire_put_u32(out, q->pcrs)) != 0)
		return r;
	return wire_put_u32(out, q->limits);
}

static int
put_refusal(struct bytes *out, enum verdict verdict, enum message_code code)
{
	int r;

	bytes_reset(out);
	if ((r = wire_put_u32(out, verdict)) != 0 ||
	    (r = wire_put_u32(out, code)) != 0)
		return r;
	return wire_put_text(out, log_cause());
}

static void
write_all(int fd, struct slice what)
{
	while (what.len > 0) {
		ssize_t n = write(fd, what.data, what.len);

		if (n <= 0)
			return;
		what.data += n;
		what.len -= (size_t)n;
	}
}

/* Reads lines until the request is whole. */
static int
read_request(struct machine_reader *reader)
{
	struct message_lines lines = { .most = MESSAGE_MACHINE_MAX };
	struct slice line;
	uint8_t buf[8192];
	ssize_t n;
	int r = 0;

	while (r == 0 && reader->state != MACHINE_ANSWER) {
		if (message_lines_next(&lines, &line)) {
			r = machine_reader_take(reader, line);
			continue;
		}
		n = read(STDIN_FILENO, buf, sizeof(buf));
		r = n <= 0 ? fail(FAIL_PROTOCOL, "the request is not whole")
			   : message_lines_add(
				 &lines, (struct slice){ buf, (size_t)n });
	}
	message_lines_reset(&lines);
	return r;
}

static void
judge_request(const struct ek_roots *roots)
{
	struct machine_reader reader = { 0 };
	struct judged_request judged = { 0 };
	enum message_code code = MESSAGE_SYNTAX;
	struct bytes out = { 0 };
	int r;

	if ((r = read_request(&reader)) != 0)
		code = r == FAIL_VERSION ? MESSAGE_VERSION : MESSAGE_SYNTAX;
	else
		r = evidence_check(
		    &reader.request, roots, time(NULL), &judged, &code);
	if (r == 0 && (r = wire_put_u32(&out, VERDICT_GOOD)) == 0)
		r = put_judgement(&out, &judged);
	if (r != 0)
		r = put_refusal(&out, VERDICT_REFUSED, code);
	if (r == 0)
		write_all(STDOUT_FILENO, bytes_slice(&out));
}

static void
keep_only(int in, int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
		return;
#endif
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
}

static void
run_judge(const struct settings *settings, int in, int out)
{
	struct ek_roots *roots = NULL;
	struct bytes refusal = { 0 };

	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERROR);
	keep_only(in, out);
	wake_openssl();
	if (ek_roots_read(settings->endorsement_roots, &roots) != 0 ||
	    sandbox_enter() != 0) {
		if (put_refusal(&refusal, VERDICT_UNAVAILABLE,
			MESSAGE_UNAVAILABLE) == 0)
			write_all(STDOUT_FILENO, bytes_slice(&refusal));
		_exit(1);
	}
	judge_request(roots);
	_exit(0);
}

/* --- the service's side ------------------------------------------------ */

int
judge_start(const struct settings *settings, struct judge **ret)
{
	struct judge *judge = calloc(1, sizeof(*judge));
	int in[2], out[2];

	*ret = NULL;
	if (judge == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	if (pipe2(in, O_CLOEXEC) != 0) {
		free(judge);
		return fail(FAIL_INTERNAL, "cannot make a pipe");
	}
	if (pipe2(out, O_CLOEXEC) != 0 || (judge->pid = fork()) == -1) {
		close(in[0]);
		close(in[1]);
		free(judge);
		return fail(FAIL_INTERNAL, "cannot start a process: %s",
		    strerror(errno));
	}
	if (judge->pid == 0)
		run_judge(settings, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	judge->to = in[1];
	judge->from = out[0];
	*ret = judge;
	return 0;
}

int
judge_add(struct judge *judge, struct slice lines)
{
	while (lines.len > 0) {
		ssize_t n = write(judge->to, lines.data, lines.len);

		/* It may have judged by now: what it says is read next. */
		if (n == -1 && errno == EPIPE)
			return 0;
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(FAIL_INTERNAL,
			    "cannot write to a process: %s", strerror(errno));
		lines.data += n;
		lines.len -= (size_t)n;
	}
	return 0;
}

int
judge_fd(const struct judge *judge)
{
	return judge->from;
}

/* All it says, to its end. */
static int
read_all(struct judge *judge, uint64_t deadline, struct bytes *ret)
{
	struct pollfd pfd = { .fd = judge->from, .events = POLLIN };
	uint8_t buf[8192];
	ssize_t n;
	int r;

	close(judge->to);
	judge->to = -1;
	for (;;) {
		if (clock_ms_left(deadline) == 0)
			return fail(FAIL_INTERNAL, "a process does not end");
		if (poll(&pfd, 1, clock_ms_left(deadline)) <= 0)
			continue;
		n = read(judge->from, buf, sizeof(buf));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		if (ret->len + (size_t)n > RESULT_MAX)
			return fail(FAIL_INTERNAL, "a process says too much");
		if ((r = bytes_append(ret, buf, (size_t)n)) != 0)
			return r;
	}
}

static bool
take_bytes(struct slice *in, struct bytes *ret)
{
	struct slice s;

	return wire_take_string(in, &s) && bytes_set(ret, s.data, s.len) == 0;
}

/* One line of text with its terminator; empty for none. */
static bool
take_words(struct slice *in, struct bytes *ret)
{
	if (!take_bytes(in, ret))
		return false;
	for (size_t i = 0; i + 1 < ret->len; i++)
		if (ret->data[i] < ' ' || ret->data[i] > '~')
			return false;
	return ret->len == 0 || ret->data[ret->len - 1] == '\0';
}

static bool
take_flag(struct slice *in, bool *ret)
{
	uint32_t n;

	if (!wire_take_u32(in, &n) || n > 1)
		return false;
	*ret = n == 1;
	return true;
}

static size_t
numbers_of(uint32_t type)
{
	static const size_t length[] = { 256, 384, 512, 64, 96 };

	return type < sizeof(length) / sizeof(length[0]) ? length[type] : 0;
}

/* It is believed no kind of key that there is not. */
static bool
take_ek(struct slice *in, struct ek_public *ret)
{
	uint32_t type, name_alg, bits;
	struct slice numbers;

	if (!wire_take_u32(in, &type) || !wire_take_u32(in, &name_alg) ||
	    !wire_take_u32(in, &bits) || !wire_take_string(in, &numbers) ||
	    numbers.len == 0 || numbers.len != numbers_of(type) ||
	    (name_alg != EK_SHA256 && name_alg != EK_SHA384) ||
	    (bits != 128 && bits != 256))
		return false;
	ret->type = (enum ek_type)type;
	ret->name_alg = (enum ek_hash)name_alg;
	ret->aes_bits = bits;
	ret->numbers_len = numbers.len;
	memcpy(ret->numbers, numbers.data, numbers.len);
	return true;
}

static bool
take_judgement(struct slice *in, struct judged_request *ret)
{
	uint32_t type, standing;
	struct slice name;

	if (!take_bytes(in, &ret->destination) || !take_bytes(in, &ret->name) ||
	    !wire_take_u32(in, &type) || !wire_take_u32(in, &ret->wants) ||
	    !take_bytes(in, &ret->blob) || !take_bytes(in, &ret->bound) ||
	    !wire_take_string(in, &name) || !take_ek(in, &ret->ek) ||
	    !wire_take_u32(in, &standing) ||
	    !take_bytes(in, &ret->ek_certificate) ||
	    !take_words(in, &ret->ek_issuer) ||
	    !take_words(in, &ret->ek_subject) ||
	    !take_words(in, &ret->ek_serial) ||
	    !take_words(in, &ret->ek_maker) ||
	    !take_words(in, &ret->ek_problem) ||
	    !take_flag(in, &ret->presence) || !take_flag(in, &ret->pin) ||
	    !wire_take_u32(in, &ret->pin_lifetime) ||
	    !wire_take_u32(in, &ret->pcrs) ||
	    !wire_take_u32(in, &ret->limits) || in->len != 0 ||
	    name.len != sizeof(ret->key_name) ||
	    (type != CERTIFICATE_USER && type != CERTIFICATE_HOST) ||
	    standing > EK_CERTIFIED ||
	    (standing == EK_UNCERTIFIED && ret->ek_problem.len == 0))
		return false;
	memcpy(ret->key_name, name.data, sizeof(ret->key_name));
	ret->type = (enum certificate_type)type;
	ret->standing = (enum ek_standing)standing;
	return true;
}

static bool
take_refusal(
    struct slice *in, enum message_code *ret_code, struct text *ret_text)
{
	uint32_t code;
	struct slice words;

	if (!wire_take_u32(in, &code) || !wire_take_string(in, &words) ||
	    in->len != 0 || code >= MESSAGE_CODES)
		return false;
	*ret_code = (enum message_code)code;
	text_add_escaped(ret_text, words, 480);
	return true;
}

static int
take_result(struct slice in, struct judged_request *ret,
    enum message_code *ret_code, struct text *ret_text)
{
	uint32_t verdict;

	if (!wire_take_u32(&in, &verdict))
		return fail(
		    FAIL_INTERNAL, "the process that reads requests has ended");
	if (verdict == VERDICT_GOOD && take_judgement(&in, ret))
		return 0;
	if ((verdict == VERDICT_REFUSED || verdict == VERDICT_UNAVAILABLE) &&
	    take_refusal(&in, ret_code, ret_text))
		return fail(verdict == VERDICT_REFUSED ? FAIL_EVIDENCE
						       : FAIL_UNAVAILABLE,
		    "%s", ret_text->s);
	return fail(
	    FAIL_INTERNAL, "the process that reads requests is not itself");
}

int
judge_result(struct judge *judge, uint64_t deadline, struct judged_request *ret,
    enum message_code *ret_code, struct text *ret_text)
{
	struct bytes said = { 0 };
	int r;

	*ret = (struct judged_request){ 0 };
	*ret_text = (struct text){ 0 };
	if ((r = read_all(judge, deadline, &said)) == 0)
		r = take_result(bytes_slice(&said), ret, ret_code, ret_text);
	bytes_reset(&said);
	return r;
}

void
judge_end(struct judge *judge)
{
	if (judge == NULL)
		return;
	if (judge->to != -1)
		close(judge->to);
	close(judge->from);
	kill(judge->pid, SIGKILL);
	while (waitpid(judge->pid, NULL, 0) == -1 && errno == EINTR)
		;
	free(judge);
}
