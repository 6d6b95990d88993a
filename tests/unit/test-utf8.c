/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/utf8.h"

static struct slice
text(const char *s)
{
	return (struct slice){ (const uint8_t *)s, strlen(s) };
}

/* The first and last character of each row of RFC 3629's table. */
static void
test_characters(void **state)
{
	static const char *const characters[] = { "\x01", "\x7f", "\xc2\x80",
		"\xdf\xbf", "\xe0\xa0\x80", "\xe0\xbf\xbf", "\xe1\x80\x80",
		"\xec\xbf\xbf", "\xed\x80\x80", "\xed\x9f\xbf", "\xee\x80\x80",
		"\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf0\xbf\xbf\xbf",
		"\xf1\x80\x80\x80", "\xf3\xbf\xbf\xbf", "\xf4\x80\x80\x80",
		"\xf4\x8f\xbf\xbf" };
	char twice[16];

	(void)state;
	for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]);
	     i++) {
		struct slice c = text(characters[i]);

		assert_int_equal(utf8_length(c), c.len);
		snprintf(twice, sizeof(twice), "%sx%s", characters[i],
		    characters[i]);
		assert_int_equal(utf8_length(text(twice)), c.len);
		assert_true(utf8_is_valid(text(twice)));
		/* Cut short. */
		while (--c.len > 0)
			assert_int_equal(utf8_length(c), 0);
	}
	assert_int_equal(
	    utf8_length((struct slice){ (const uint8_t *)"", 1 }), 1);
	assert_int_equal(utf8_length(text("")), 0);
	assert_true(utf8_is_valid(text("")));
}

/* Their neighbours: too long a form, surrogates, past the end of Unicode. */
static void
test_no_characters(void **state)
{
	static const char *const wrong[] = { "\x80", "\xbf", "\xc0\x80",
		"\xc1\xbf", "\xc2\x7f", "\xc2\xc0", "\xe0\x9f\xbf",
		"\xe1\x80\xc0", "\xed\xa0\x80", "\xef\xbf\x7f",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xff" };
	char behind[16];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(utf8_length(text(wrong[i])), 0);
		snprintf(behind, sizeof(behind), "x%s", wrong[i]);
		assert_false(utf8_is_valid(text(behind)));
	}
}

#define TEST_NAME "utf8"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_no_characters),
	};

	return RUN(tests);
}
