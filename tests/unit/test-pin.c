/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <openssl/evp.h>

#include "base/error.h"
#include "user/pin.h"

/* U+1F600 */
#define FACE "\xf0\x9f\x98\x80"

static void
test_given(void **state)
{
	(void)state;
	assert_false(pin_is_given(NULL));
	assert_false(pin_is_given(""));
	assert_true(pin_is_given("0"));
}

static void
test_new_pins(void **state)
{
	char longest[PIN_MAX_LEN + 2];

	(void)state;
	memset(longest, '7', sizeof(longest));
	longest[PIN_MAX_LEN] = '\0';
	assert_int_equal(pin_check_new("12345"), FAIL_PIN_REQUIRED);
	assert_int_equal(pin_check_new(""), FAIL_PIN_REQUIRED);
	assert_int_equal(pin_check_new("123456"), 0);
	assert_int_equal(pin_check_new("\001 \t\xff\xfe/"), 0);
	/* Three characters of two bytes each are not six. */
	assert_int_equal(
	    pin_check_new("\xc3\xa4\xc3\xb6\xc3\xbc"), FAIL_PIN_REQUIRED);
	/* Nor are five of four bytes each, and six are. */
	assert_int_equal(
	    pin_check_new(FACE FACE FACE FACE FACE), FAIL_PIN_REQUIRED);
	assert_int_equal(pin_check_new(FACE FACE FACE FACE FACE FACE), 0);
	/* Bytes that are no UTF-8 count as they are. */
	assert_int_equal(pin_check_new("\x80\x81\x82\x83\x84\x85"), 0);
	assert_int_equal(pin_check_new(longest), 0);
	longest[PIN_MAX_LEN] = '7';
	longest[PIN_MAX_LEN + 1] = '\0';
	assert_int_equal(pin_check_new(longest), FAIL_PIN_REQUIRED);
}

static const uint8_t salt[PIN_SALT_LEN] = { '0', '1', '2', '3', '4', '5', '6',
	'7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f' };

static void
test_auth_value(void **state)
{
	static const uint8_t other_salt[PIN_SALT_LEN] = { '0', '1', '2', '3',
		'4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'g' };
	struct bytes a = { 0 };
	uint8_t digest[32];

	(void)state;
	/* The domain with its zero, salt, then the PIN; pinned for good. */
	EVP_Digest("sk-tpm PIN v1\0000123456789abcdef123456", 36, digest, NULL,
	    EVP_sha256(), NULL);
	assert_int_equal(pin_auth_value("123456", salt, &a), 0);
	assert_int_equal(a.len, 32);
	assert_memory_equal(a.data, digest, 32);
	bytes_reset(&a);
	/* Another key of the same PIN has another. */
	assert_int_equal(pin_auth_value("123456", other_salt, &a), 0);
	assert_memory_not_equal(a.data, digest, 31);
	bytes_reset(&a);
}

/* A TPM drops zeros at the end of an authValue, and so must we. */
static void
test_trailing_zeros(void **state)
{
	struct bytes a = { 0 };
	char pin[16];
	int seen = 0;

	(void)state;
	for (int i = 0; i < 5000 && seen < 3; i++) {
		snprintf(pin, sizeof(pin), "%06d", i);
		assert_int_equal(pin_auth_value(pin, salt, &a), 0);
		assert_int_not_equal(a.data[a.len - 1], 0);
		seen += a.len < 32;
	}
	assert_true(seen >= 3);
	bytes_reset(&a);
}

#define TEST_NAME "pin"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_new_pins),
		cmocka_unit_test(test_auth_value),
		cmocka_unit_test(test_trailing_zeros),
	};

	return RUN(tests);
}
