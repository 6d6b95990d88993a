/* SPDX-License-Identifier: ISC */
/* What every unit test includes before anything else. */
#ifndef SKTPM_UNIT_H
#define SKTPM_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* cmocka's fail() and fail_msg() make way for ours in log.h. */
#undef fail
#undef fail_msg
#define FAIL_MSG(...)                      \
	do {                               \
		print_error(__VA_ARGS__);  \
		_fail(__FILE__, __LINE__); \
	} while (0)

#define RUN(tests)                                 \
	(cmocka_set_message_output(CM_OUTPUT_TAP), \
	    cmocka_run_group_tests_name(TEST_NAME, (tests), NULL, NULL))

/*
 * Runs `call` with stderr going to a buffer: what a person would have read.
 * One buffer, valid until the next call.
 */
#define STDERR_OF(call) (stderr_begin(), (void)(call), stderr_end())

#include <sys/types.h>
#include <unistd.h>

static int stderr_saved __attribute__((unused)) = -1;
static FILE *stderr_file __attribute__((unused));

static inline void
stderr_begin(void)
{
	fflush(stderr);
	stderr_saved = dup(STDERR_FILENO);
	stderr_file = tmpfile();
	assert_non_null(stderr_file);
	dup2(fileno(stderr_file), STDERR_FILENO);
}

static inline const char *
stderr_end(void)
{
	static char buf[8192];
	size_t n;

	fflush(stderr);
	dup2(stderr_saved, STDERR_FILENO);
	close(stderr_saved);
	rewind(stderr_file);
	n = fread(buf, 1, sizeof(buf) - 1, stderr_file);
	buf[n] = '\0';
	fclose(stderr_file);
	return buf;
}

#endif
