/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "child.h"
#include "error.h"
#include "log.h"

static char script[] = "/tmp/sk-tpm-child.XXXXXX";

static int
run(const char *body, unsigned int seconds, int *status, char *out, size_t size)
{
	const struct child child = { script, "the argument",
		{ "SK_TPM_REQUEST=words" } };
	FILE *f = fopen(script, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", body);
	fclose(f);
	return child_run(&child, seconds, status, out, size);
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
	    child_run(&child, 1, &status, out, sizeof(out)), FAIL_PRESENCE);
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
	r = child_run(&child, 1, &status, out, sizeof(out));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(r, FAIL_PRESENCE);
	assert_non_null(strstr(STDERR_OF(log_failure(r)), "make a pipe: "));
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
	};
	int fd = mkstemp(script), failed;

	assert_true(fd >= 0);
	close(fd);
	chmod(script, 0700);
	failed = RUN(tests);
	unlink(script);
	return failed;
}
