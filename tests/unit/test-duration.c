/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/duration.h"

static void
test_as_sshd_config_has_it(void **state)
{
	static const struct {
		const char *text;
		uint32_t seconds;
	} good[] = {
		{ "600", 600 },
		{ "10m", 600 },
		{ "10M", 600 },
		{ "1h30m", 5400 },
		{ "1h30", 3630 },
		{ "1D", 86400 },
		{ "1w2d3h4m5s", 788645 },
		{ "0", 0 },
		{ "1000000s", 1000000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint32_t seconds = 7;

		assert_true(duration_parse(good[i].text, 1000000, &seconds));
		assert_int_equal(seconds, good[i].seconds);
	}
}

static void
test_nothing_else(void **state)
{
	static const char *const bad[] = { "", "m", "10x", "-1", "+1", " 1",
		"1 ", "1mm", "0x10", "1.5h", "1000001", "2w", "999999s2s",
		"18446744073709551617", "99999999999999999999999" };
	uint32_t seconds = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (duration_parse(bad[i], 1000000, &seconds))
			FAIL_MSG("%s was taken", bad[i]);
	assert_int_equal(seconds, 7);
	assert_false(duration_parse("7102w", UINT32_MAX, &seconds));
	assert_true(duration_parse("7101w", UINT32_MAX, &seconds));
}

static void
test_words(void **state)
{
	struct text t = { 0 };

	(void)state;
	duration_add(&t, 119);
	text_add(&t, ", ");
	duration_add(&t, 7199);
	text_add(&t, ", ");
	duration_add(&t, 7200);
	assert_string_equal(t.s, "119 seconds, 119 minutes, 2 hours");
}

#define TEST_NAME "duration"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_sshd_config_has_it),
		cmocka_unit_test(test_nothing_else),
		cmocka_unit_test(test_words),
	};

	return RUN(tests);
}
