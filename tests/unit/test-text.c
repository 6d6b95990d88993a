/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/text.h"

static struct slice
slice(const char *s, size_t len)
{
	return (struct slice){ (const uint8_t *)s, len };
}

static void
test_quoted(void **state)
{
	struct text t = { 0 };

	(void)state;
	text_add_quoted(&t, slice("alice", 5), 64);
	assert_string_equal(t.s, "\"alice\"");
	t = (struct text){ 0 };
	text_add_quoted(&t, slice("a\"\\\0\033[2J\x7f\xc3\xa9", 11), 64);
	assert_string_equal(t.s, "\"a\\x22\\x5c\\x00\\x1b[2J\\x7f\\xc3\\xa9\"");
	t = (struct text){ 0 };
	text_add_quoted(&t, slice("abcdef", 6), 3);
	assert_string_equal(t.s, "\"abc...\"");
	t = (struct text){ 0 };
	text_add_quoted(&t, slice("", 0), 3);
	assert_string_equal(t.s, "\"\"");
}

static void
test_full(void **state)
{
	static char big[5000];
	struct text t = { 0 };

	(void)state;
	memset(big, 'x', sizeof(big));
	text_add_quoted(&t, slice(big, sizeof(big)), sizeof(big));
	assert_int_equal(t.len, TEXT_LEN - 1);
	assert_int_equal(strlen(t.s), TEXT_LEN - 1);
	text_add(&t, "%s", "more");
	assert_int_equal(strlen(t.s), TEXT_LEN - 1);
}

static void
test_fingerprint(void **state)
{
	const uint8_t zeros[32] = { 0 };
	struct text t = { 0 };

	(void)state;
	text_add_fingerprint(&t, zeros);
	assert_string_equal(
	    t.s, "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
}

#define TEST_NAME "text"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_fingerprint),
	};

	return RUN(tests);
}
