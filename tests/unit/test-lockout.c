/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/error.h"
#include "base/log.h"
#include "tpm/lockout.h"

static void
check(uint32_t counter, uint32_t max, uint32_t interval, bool spend, int err,
    const char *says)
{
	const struct lockout l = { counter, max, interval };
	int r = lockout_check(
	    &l, spend ? LOCKOUT_SPEND_LAST_TRY : LOCKOUT_KEEP_LAST_TRY);
	const char *out;

	assert_int_equal(r, err);
	if (r == 0)
		return;
	out = STDERR_OF(log_failure(r));
	if (strstr(out, says) == NULL)
		FAIL_MSG("%s is not in %s", says, out);
}

static void
test_check(void **state)
{
	(void)state;
	check(0, 32, 7200, false, 0, "");
	check(30, 32, 7200, false, 0, "");
	check(31, 32, 7200, false, FAIL_LAST_TRY, "31 of 32 tries");
	check(31, 32, 7200, true, 0, "");
	check(32, 32, 7200, false, FAIL_LOCKOUT, "one every 2 hours");
	check(32, 32, 600, true, FAIL_LOCKOUT, "one every 10 minutes");
	check(33, 32, 0, true, FAIL_LOCKOUT, "forgets none by itself");
	check(0, 0, 0, true, FAIL_LOCKOUT, "locked");
	check(0, 1, 1, false, FAIL_LAST_TRY, "one every 1 seconds");
}

static void
test_wrong_pin(void **state)
{
	const struct lockout first = { 1, 32, 10 }, later = { 31, 32, 10 },
			     last = { 32, 32, 10 };
	int r;

	(void)state;
	r = lockout_wrong_pin(&first);
	assert_int_equal(r, FAIL_WRONG_PIN);
	assert_non_null(strstr(STDERR_OF(log_failure(r)), "31 tries are left"));
	r = lockout_wrong_pin(&later);
	assert_non_null(strstr(STDERR_OF(log_failure(r)), "SpendLastTry"));
	r = lockout_wrong_pin(&last);
	assert_non_null(
	    strstr(STDERR_OF(log_failure(r)), "has locked itself now"));
}

#define TEST_NAME "lockout"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_wrong_pin),
	};

	return RUN(tests);
}
