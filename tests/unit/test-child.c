/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include "base/child.h"
#include "base/error.h"
#include "base/log.h"

static char script[] = "/tmp/sk-tpm-child.XXXXXX";

static size_t out_len;
static bool lacks_close_range;

/* Nothing else of sk/ and of these tests uses it. */
long __real_syscall(long n, ...);
long __wrap_syscall(long n, ...);

long
__wrap_syscall(long n, ...)
{
	unsigned int first, last, flags;
	va_list ap;

	if (lacks_close_range) {
		errno = ENOSYS;
		return -1;
	}
	va_start(ap, n);
	first = va_arg(ap, unsigned int);
	last = va_arg(ap, unsigned int);
	flags = va_arg(ap, unsigned int);
	va_end(ap);
	return __real_syscall(n, first, last, flags);
}

static int
run(const char *body, unsigned int seconds, int *status, char *out, size_t size)
{
	const struct child child = { script, "the argument",
		{ "SK_TPM_REQUEST=words" } };
	FILE *f = fopen(script, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", body);
	fclose(f);
	return child_run(&child, seconds, status, out, size, &out_len);
}

static void
test_status_and_output(void **state)
{
	char out[64];
	int status;

	(void)state;
	assert_int_equal(run("echo \"$1 $SK_TPM_REQUEST\"; exit 3", 10, &status,
			     out, sizeof(out)),
	    0);
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_string_equal(out, "the argument words\n");
}

static void
test_environment_is_replaced(void **state)
{
	char out[64];
	int status;

	(void)state;
	setenv("SK_TPM_REQUEST", "older", 1);
	setenv("SK_TPM_REQUEST_X", "kept", 1);
	assert_int_equal(run("env | grep ^SK_TPM_REQUEST | sort", 10, &status,
			     out, sizeof(out)),
	    0);
	assert_string_equal(
	    out, "SK_TPM_REQUEST=words\nSK_TPM_REQUEST_X=kept\n");
	unsetenv("SK_TPM_REQUEST");
	unsetenv("SK_TPM_REQUEST_X");
}

static void
test_long_output_is_cut(void **state)
{
	char out[8];
	int status;

	(void)state;
	assert_int_equal(run("head -c 100000 /dev/zero | tr '\\0' x", 10,
			     &status, out, sizeof(out)),
	    0);
	assert_string_equal(out, "xxxxxxx");
	assert_int_equal(out_len, 7);
	assert_int_equal(
	    run("printf 'a\\0b'", 10, &status, out, sizeof(out)), 0);
	assert_int_equal(out_len, 3);
	assert_memory_equal(out, "a\0b", 4);
}

static void
test_deadline(void **state)
{
	char out[8];
	int status;

	(void)state;
	assert_int_equal(
	    run("exec sleep 30", 1, &status, out, sizeof(out)), FAIL_REFUSED);
	/* Also where the output has ended, and the program has not. */
	assert_int_equal(run("exec sleep 30 >&-", 1, &status, out, sizeof(out)),
	    FAIL_REFUSED);
}

static void
test_no_program(void **state)
{
	const struct child child = { "/no/such/program", "", { NULL } };
	char out[8];
	int status;

	(void)state;
	assert_int_equal(
	    child_run(&child, 1, &status, out, sizeof(out), &out_len),
	    FAIL_PRESENCE);
}

static void
test_no_descriptor_left(void **state)
{
	const struct child child = { "/bin/true", "", { NULL } };
	struct rlimit limit, none;
	int status, r;
	char out[8];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = child_run(&child, 1, &status, out, sizeof(out), &out_len);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(r, FAIL_PRESENCE);
	assert_non_null(strstr(STDERR_OF(log_failure(r)), "make a pipe: "));
}

/* A child that tells whether it has descriptor 9. */
static bool
child_inherits(void)
{
	char out[64];
	int status;

	assert_int_equal(run("if { : <&9; } 2>/dev/null; then echo has it; fi",
			     10, &status, out, sizeof(out)),
	    0);
	return out[0] != '\0';
}

/* Whether it does, in a namespace without /proc; 2 if there can be none. */
static int
inherits_without_proc(void)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNS |
			(geteuid() != 0 ? CLONE_NEWUSER : 0)) != 0 ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		    mount("none", "/proc", "tmpfs", 0, NULL) != 0)
			_exit(2);
		_exit(child_inherits() ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_descriptors_are_kept(void **state)
{
	int r;

	(void)state;
	assert_int_equal(dup2(STDERR_FILENO, 9), 9);
	assert_false(child_inherits());
	assert_int_equal(fcntl(9, F_SETFD, 0), 0);
	lacks_close_range = true;
	assert_false(child_inherits());
	assert_int_equal(fcntl(9, F_SETFD, 0), 0);
	lacks_close_range = false;
	r = inherits_without_proc();
	close(9);
	if (r == 2)
		skip();
	assert_int_equal(r, 0);
}

#define TEST_NAME "child"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_and_output),
		cmocka_unit_test(test_environment_is_replaced),
		cmocka_unit_test(test_long_output_is_cut),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_no_program),
		cmocka_unit_test(test_no_descriptor_left),
		cmocka_unit_test(test_descriptors_are_kept),
	};
	int fd = mkstemp(script), failed;

	assert_true(fd >= 0);
	close(fd);
	chmod(script, 0700);
	failed = RUN(tests);
	unlink(script);
	return failed;
}
