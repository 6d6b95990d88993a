/* SPDX-License-Identifier: ISC */
/*
 * The process that reads what machines send: what it says of the example in
 * PROTOCOL.md, of damage, and what it cannot do.
 */
#include "unit.h"

#include <sys/syscall.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>

#include "attest/machine-id.h"
#include "base/clock.h"
#include "base/error.h"
#include "ca/judge.h"
#include "ca/sandbox.h"
#include "protocol.h"

#define TEST_NAME "ca-judge"

/* The machine's lines of the example, up to its answer; with their LF. */
static void
read_example(struct bytes *ret)
{
	struct bytes page = { 0 };
	char *rest, *line;

	protocol_text("sk-tpm-attest", &page);
	assert_int_equal(bytes_append(&page, "", 1), 0);
	rest = (char *)page.data;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, "C: ", 3) != 0 ||
		    strncmp(line, "C: answer", 9) == 0)
			continue;
		assert_int_equal(
		    bytes_append(ret, line + 3, strlen(line + 3)), 0);
		assert_int_equal(bytes_append(ret, "\n", 1), 0);
	}
	bytes_reset(&page);
	assert_true(ret->len > 500);
}

static int
judge_lines(const struct settings *settings, struct slice lines,
    struct judged_request *ret, enum message_code *ret_code)
{
	struct judge *judge;
	struct text text;
	int r;

	assert_int_equal(judge_start(settings, &judge), 0);
	assert_int_equal(judge_add(judge, lines), 0);
	r = judge_result(judge, clock_deadline(20000), ret, ret_code, &text);
	judge_end(judge);
	return r;
}

static void
test_example(void **state)
{
	struct settings settings = { 0 };
	struct judged_request q;
	enum message_code code;
	char id[MACHINE_ID_LEN + 1];
	struct bytes lines = { 0 };

	(void)state;
	read_example(&lines);
	assert_int_equal(
	    judge_lines(&settings, bytes_slice(&lines), &q, &code), 0);
	assert_int_equal(machine_id(&q.ek, id), 0);
	assert_string_equal(
	    id, "SHA256:8vDq+NwpXRCVnJBKTUtMt2S18VtCY2KMOp38rnhdeGs=");
	assert_int_equal(q.type, CERTIFICATE_HOST);
	assert_int_equal(q.wants, MESSAGE_WANT_CA_KEYS);
	assert_int_equal(q.standing, EK_NO_CERTIFICATE);
	assert_true(slice_is(bytes_slice(&q.name), "web1"));
	assert_int_equal(q.key_name[0], 0);
	assert_int_equal(q.key_name[1], 0x0b);
	assert_int_equal(q.key_name[2], 0x91);
	assert_false(q.pin);
	judged_request_reset(&q);
	bytes_reset(&lines);
}

/* Each byte of it wrong: never taken for another good one by crash or silence.
 */
static void
test_damage(void **state)
{
	struct settings settings = { 0 };
	struct judged_request q;
	enum message_code code;
	struct bytes lines = { 0 };
	size_t taken = 0;

	(void)state;
	read_example(&lines);
	for (size_t i = 0; i < lines.len; i += 13) {
		int r;

		lines.data[i] ^= 0x15;
		r = judge_lines(&settings, bytes_slice(&lines), &q, &code);
		if (r == 0)
			taken++;
		else
			assert_int_equal(r, FAIL_EVIDENCE);
		judged_request_reset(&q);
		lines.data[i] ^= 0x15;
	}
	/* Destination and name are words of the machine's choice. */
	assert_true(taken <= 5);
	bytes_reset(&lines);
}

static void
test_cut(void **state)
{
	struct settings settings = { 0 };
	struct judged_request q;
	enum message_code code = MESSAGE_BUSY;
	struct bytes lines = { 0 };

	(void)state;
	read_example(&lines);
	lines.len -= 2; /* the last line */
	assert_int_equal(judge_lines(&settings, bytes_slice(&lines), &q, &code),
	    FAIL_EVIDENCE);
	assert_int_equal(code, MESSAGE_SYNTAX);
	lines.len += 2;
	bytes_reset(&lines);
}

/* What the process does, without it: the checks themselves. */
static int
check_lines(
    struct slice lines, struct judged_request *ret, enum message_code *ret_code)
{
	struct message_lines in = { .most = MESSAGE_MACHINE_MAX };
	struct machine_reader reader = { 0 };
	struct ek_roots *roots;
	struct slice line;
	int r = 0;

	assert_int_equal(ek_roots_new(&roots), 0);
	assert_int_equal(message_lines_add(&in, lines), 0);
	while (r == 0 && message_lines_next(&in, &line))
		r = machine_reader_take(&reader, line);
	assert_int_equal(r, 0);
	*ret = (struct judged_request){ 0 };
	r = evidence_check(&reader.request, roots, 0, ret, ret_code);
	machine_reader_reset(&reader);
	message_lines_reset(&in);
	ek_roots_free(roots);
	return r;
}

/* Another character within the base64 of a line. */
static void
change(struct bytes *lines, const char *begins, size_t where)
{
	uint8_t *at = memmem(lines->data, lines->len, begins, strlen(begins));

	assert_non_null(at);
	at += strlen(begins) + where;
	*at = *at == 'A' ? 'B' : 'A';
}

static void
test_evidence(void **state)
{
	static const struct {
		const char *line;
		size_t where;
		enum message_code code;
	} changes[] = {
		{ "\nkey ", 100, MESSAGE_KEY },
		{ "\nbinding ", 40, MESSAGE_KEY },
		{ "\npublic ", 40, MESSAGE_KEY },
		{ "\nek ", 6, MESSAGE_EK }, /* nameAlg */
	};
	struct judged_request q;
	enum message_code code;

	(void)state;
	for (size_t i = 0; i <= sizeof(changes) / sizeof(changes[0]); i++) {
		struct bytes lines = { 0 };
		int r;

		read_example(&lines);
		if (i > 0)
			change(
			    &lines, changes[i - 1].line, changes[i - 1].where);
		r = check_lines(bytes_slice(&lines), &q, &code);
		if (i == 0) {
			assert_int_equal(r, 0);
			assert_int_equal(q.standing, EK_NO_CERTIFICATE);
		} else {
			assert_int_not_equal(r, 0);
			assert_int_equal(code, changes[i - 1].code);
		}
		judged_request_reset(&q);
		bytes_reset(&lines);
	}
}

static void
test_roots(void **state)
{
	struct settings settings = { .endorsement_roots =
					 (char *)(uintptr_t) "/nonexistent" };
	struct judged_request q;
	enum message_code code;

	(void)state;
	assert_int_equal(judge_lines(&settings, (struct slice){ 0 }, &q, &code),
	    FAIL_UNAVAILABLE);
}

/* --- the sandbox ------------------------------------------------------- */

/* The _exit(3) of a sanitizer looks for leaks first, with calls of its own. */
static void
end_with(int status)
{
	syscall(SYS_exit_group, status);
}

/* What a child that is confined ends by; its exit status or -signal. */
static int
confined(void (*act)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (sandbox_enter() != 0)
			end_with(99);
		act();
		end_with(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* (A sanitizer's allocator wants more of the kernel than the C library's.) */
static void
do_nothing(void)
{
#ifndef __SANITIZE_ADDRESS__
	void *p = malloc(1 << 20);

	free(p);
#endif
}

static void
do_open(void)
{
	end_with(open("/etc/passwd", O_RDONLY) == -1 ? 7 : 0);
}

static void
do_fork(void)
{
	(void)fork();
}

static void
do_exec(void)
{
	execl("/bin/true", "true", (char *)NULL);
}

static void
do_kill(void)
{
	kill(getpid(), SIGCONT);
}

static void
test_sandbox(void **state)
{
	(void)state;
	assert_int_equal(confined(do_nothing), 0);
	assert_int_equal(confined(do_open), 7);
	assert_int_equal(confined(do_fork), -SIGSYS);
	assert_int_equal(confined(do_exec), -SIGSYS);
	assert_int_equal(confined(do_kill), -SIGSYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_sandbox),
	};

	signal(SIGPIPE, SIG_IGN);
	return RUN(tests);
}
