/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/wire.h"

static struct slice
text(const char *s)
{
	return (struct slice){ (const uint8_t *)s, strlen(s) };
}

/* RFC 4648, section 10 */
static void
test_examples(void **state)
{
	static const char *const examples[][2] = { { "", "" }, { "f", "Zg==" },
		{ "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };
	struct bytes out = { 0 }, back = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const char *const *e = examples[i];
		char encoded[BASE64_LEN(6) + 1];

		base64_encode(text(e[0]), encoded);
		assert_string_equal(encoded, e[1]);
		bytes_reset(&out);
		assert_int_equal(base64_put(&out, text(e[0])), 0);
		assert_true(slice_is(bytes_slice(&out), e[1]));
		if (e[0][0] == '\0')
			continue;
		assert_int_equal(base64_decode(text(e[1]), &back), 0);
		assert_true(slice_is(bytes_slice(&back), e[0]));
	}
	bytes_reset(&out);
	bytes_reset(&back);
}

/* OpenSSL alone takes those with white space, padding within or odd bits. */
static void
test_damaged(void **state)
{
	static const char *const damaged[] = { "", "Z", "Zg",
		"Zg=", "Zg===", "====", "=g==", "Zg==Zg==", "Z=g=", "Zm9=",
		"Zh==", "Zm9v\n\n\n\n", "    Zm9v", "Zm9v    ", "Zm9*",
		"Zm-_" };
	struct bytes out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		assert_int_equal(
		    base64_decode(text(damaged[i]), &out), FAIL_ARGUMENT);
		assert_null(out.data);
	}
}

#define TEST_NAME "base64"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_damaged),
	};

	return RUN(tests);
}
