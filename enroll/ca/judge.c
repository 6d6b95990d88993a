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
#include "ca/judge.h"
#include "ca/judgement.h"
#include "ca/sandbox.h"
#include "ca/workdir.h"

#define RESULT_MAX (256u * 1024)

struct judge {
	pid_t pid;
	int to, from;
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

	while (r == 0 && reader->state < MACHINE_ANSWER) {
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
	if (r == 0)
		r = judgement_put(&out, &judged);
	if (r != 0)
		r = judgement_put_refusal(&out, VERDICT_REFUSED, code);
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
		if (judgement_put_refusal(&refusal, VERDICT_UNAVAILABLE,
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

int
judge_result(struct judge *judge, uint64_t deadline, struct judged_request *ret,
    enum message_code *ret_code, struct text *ret_text)
{
	struct bytes said = { 0 };
	int r;

	*ret = (struct judged_request){ 0 };
	*ret_text = (struct text){ 0 };
	if ((r = read_all(judge, deadline, &said)) == 0)
		r = judgement_take(bytes_slice(&said), ret, ret_code, ret_text);
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
