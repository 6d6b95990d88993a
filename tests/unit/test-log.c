/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <syslog.h>

#include "base/error.h"
#include "base/log.h"

static void
test_one_line_with_cause_and_remedy(void **state)
{
	int r = 0;

	(void)state;
	assert_string_equal(
	    STDERR_OF(r = fail(FAIL_VERSION, "n is %d", 5)), "");
	assert_int_equal(r, FAIL_VERSION);
	assert_string_equal(
	    STDERR_OF(log_failure(r)), "sk-tpm: n is 5; update sk-tpm\n");
	/* Said once: a later failure does not repeat an old cause. */
	assert_string_equal(
	    STDERR_OF(log_failure(FAIL_REFUSED)), "sk-tpm: failed\n");
}

/* A failure that was recovered from is in the debug log, too. */
static void
test_debug_tells_where_it_failed(void **state)
{
	char line[256];
	const char *out;
	int at, r = 0;

	(void)state;
	log_set_level(LOG_LEVEL_DEBUG);
	at = __LINE__ + 1;
	out = STDERR_OF(r = fail(FAIL_VERSION, "n is %d", 5));
	snprintf(line, sizeof(line), "sk-tpm: %s:%d: %s: failure %d: n is 5\n",
	    __FILE__, at, __func__, FAIL_VERSION);
	assert_string_equal(out, line);
	assert_int_equal(r, FAIL_VERSION);
	log_set_level(LOG_LEVEL_INFO);
}

static void
test_no_control_characters(void **state)
{
	(void)state;
	fail(FAIL_REFUSED, "a\nb\033[31mc\177\302\2332J");
	assert_string_equal(
	    STDERR_OF(log_failure(FAIL_REFUSED)), "sk-tpm: a?b?[31mc???2J\n");
}

static void
test_long_text_is_cut_to_a_line(void **state)
{
	char text[5000];
	const char *out;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fail(FAIL_VERSION, "%s", text);
	out = STDERR_OF(log_failure(FAIL_VERSION));
	assert_true(strlen(out) < 2048);
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
}

static void
test_levels(void **state)
{
	(void)state;
	assert_string_equal(STDERR_OF(log_debug("d")), "");
	assert_string_equal(STDERR_OF(log_info("i")), "sk-tpm: i\n");
	log_set_level(LOG_LEVEL_ERROR);
	assert_string_equal(STDERR_OF(log_info("i")), "");
	log_set_level(LOG_LEVEL_DEBUG);
	assert_string_equal(STDERR_OF(log_debug("d")), "sk-tpm: d\n");
	log_set_level(LOG_LEVEL_INFO);
}

static void
test_survives_a_reader_gone(void **state)
{
	int pipefd[2], saved = dup(STDERR_FILENO);

	(void)state;
	assert_int_equal(pipe(pipefd), 0);
	dup2(pipefd[1], STDERR_FILENO);
	close(pipefd[0]);
	close(pipefd[1]);
	log_info("into a broken pipe"); /* SIGPIPE would end the test */
	dup2(saved, STDERR_FILENO);
	close(saved);
}

/* The linker has syslog come here: --wrap in tests.mk. */
static char syslog_text[256];
static int syslog_priority;

void __wrap___syslog_chk(int priority, int flag, const char *fmt, ...);
void __wrap_syslog(int priority, const char *fmt, ...);

void
__wrap___syslog_chk(int priority, int flag, const char *fmt, ...)
{
	va_list ap;

	(void)flag;
	syslog_priority = priority;
	va_start(ap, fmt);
	assert_string_equal(fmt, "%s");
	snprintf(
	    syslog_text, sizeof(syslog_text), "%s", va_arg(ap, const char *));
	va_end(ap);
}

void
__wrap_syslog(int priority, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	__wrap___syslog_chk(priority, 0, fmt, va_arg(ap, const char *));
	va_end(ap);
}

/* Under a daemon stderr is /dev/null, or closed. */
static void
test_goes_to_syslog_where_nobody_reads(void **state)
{
	int saved = dup(STDERR_FILENO), null = open("/dev/null", O_RDWR);

	(void)state;
	dup2(null, STDERR_FILENO);
	fail(FAIL_VERSION, "unheard");
	log_failure(FAIL_VERSION);
	dup2(saved, STDERR_FILENO);
	assert_string_equal(syslog_text, "unheard; update sk-tpm");
	assert_int_equal(syslog_priority, LOG_ERR);
	close(STDERR_FILENO);
	log_info("closed");
	dup2(saved, STDERR_FILENO);
	assert_string_equal(syslog_text, "closed");
	strcpy(syslog_text, "none");
	STDERR_OF(log_info("heard"));
	assert_string_equal(syslog_text, "none");
	close(saved);
	close(null);
}

static void
test_begin_opens_stdio(void **state)
{
	int saved = dup(STDERR_FILENO), fd;

	(void)state;
	close(STDERR_FILENO);
	log_begin_secret();
	fd = open("/dev/null", O_RDONLY);
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(fd > STDERR_FILENO);
	close(fd);
}

static void
test_every_remedy_is_a_phrase(void **state)
{
	(void)state;
	for (int err = -100; err < 0; err++) {
		const char *remedy = error_remedy(err);

		if (remedy == NULL)
			continue;
		assert_true(strlen(remedy) > 10);
		assert_true(remedy[strlen(remedy) - 1] != '.');
	}
	assert_null(error_remedy(0));
	assert_null(error_remedy(-99));
}

/* Nor does TSS2_LOG say otherwise where a call has to do with secrets. */
static void
test_begin_silences_tpm2_tss(void **state)
{
	(void)state;
	unsetenv("TSS2_LOG");
	log_begin();
	assert_string_equal(getenv("TSS2_LOG"), "all+NONE");
	setenv("TSS2_LOG", "all+debug", 1);
	log_begin();
	assert_string_equal(getenv("TSS2_LOG"), "all+debug");
	log_begin_secret();
	assert_string_equal(getenv("TSS2_LOG"), "all+NONE");
}

#define TEST_NAME "log"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_line_with_cause_and_remedy),
		cmocka_unit_test(test_debug_tells_where_it_failed),
		cmocka_unit_test(test_no_control_characters),
		cmocka_unit_test(test_long_text_is_cut_to_a_line),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_survives_a_reader_gone),
		cmocka_unit_test(test_goes_to_syslog_where_nobody_reads),
		cmocka_unit_test(test_begin_opens_stdio),
		cmocka_unit_test(test_begin_silences_tpm2_tss),
		cmocka_unit_test(test_every_remedy_is_a_phrase),
	};

	return RUN(tests);
}
