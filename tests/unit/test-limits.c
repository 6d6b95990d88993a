/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/error.h"
#include "key/limits.h"

static void
test_how_many(void **state)
{
	static char name[LIMITS_NAMESPACE_MAX + 1];
	struct slice s = { (const uint8_t *)name, 0 };
	const uint8_t digest[32] = { 0 };
	struct limits l = { 0 };

	(void)state;
	assert_int_equal(limits_allow_namespace(&l, s), FAIL_ARGUMENT);
	s.len = sizeof(name);
	assert_int_equal(limits_allow_namespace(&l, s), FAIL_ARGUMENT);
	assert_int_equal(l.kinds, 0);
	s.len--;
	for (int i = 0; i < LIMITS_MAX; i++) {
		assert_int_equal(limits_allow_namespace(&l, s), 0);
		assert_int_equal(limits_allow_server(&l, digest), 0);
	}
	assert_int_equal(limits_allow_namespace(&l, s), FAIL_ARGUMENT);
	assert_int_equal(limits_allow_server(&l, digest), FAIL_ARGUMENT);
	limits_reset(&l);
}

/* Text in CBOR is UTF-8: what we wrote of another would be no CBOR to others.
 */
static void
test_namespace_is_utf8(void **state)
{
	const struct slice latin = { (const uint8_t *)"caf\xe9", 4 };
	const struct slice utf8 = { (const uint8_t *)"caf\xc3\xa9", 5 };
	const uint8_t encoded[] = { 0x83, 2, 0x81, 0x62, 'a', 0xe9, 0x80 };
	struct slice in = { encoded, sizeof(encoded) };
	struct limits l = { 0 };

	(void)state;
	assert_int_equal(limits_allow_namespace(&l, latin), FAIL_ARGUMENT);
	assert_int_equal(l.kinds, 0);
	assert_int_equal(limits_allow_namespace(&l, utf8), 0);
	limits_reset(&l);
	assert_int_equal(limits_decode(&in, &l), FAIL_HANDLE);
	limits_reset(&l);
}

static void
test_copy(void **state)
{
	const struct slice git = { (const uint8_t *)"git", 3 };
	struct limits l = { 0 }, copy = { 0 };

	(void)state;
	assert_int_equal(limits_allow_namespace(&l, git), 0);
	limits_allow_kind(&l, LIMIT_CA);
	assert_int_equal(limits_copy(&l, &copy), 0);
	limits_reset(&l);
	assert_int_equal(copy.kinds, LIMIT_SIGN | LIMIT_CA);
	assert_true(slice_equal(bytes_slice(&copy.namespaces[0]), git));
	limits_reset(&copy);
	assert_int_equal(limits_copy(NULL, &copy), 0);
	assert_int_equal(copy.kinds, 0);
}

/* Each kind is named once, and among the choices. */
static void
test_names(void **state)
{
	unsigned int kinds = 0;

	(void)state;
	for (size_t i = 0; i < LIMIT_KINDS; i++) {
		assert_int_equal(kinds & limit_names[i].kind, 0);
		kinds |= limit_names[i].kind;
		assert_non_null(strstr(LIMIT_CHOICES, limit_names[i].name));
	}
	assert_int_equal(kinds, LIMIT_ALL);
}

#define TEST_NAME "limits"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_how_many),
		cmocka_unit_test(test_namespace_is_utf8),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_names),
	};

	return RUN(tests);
}
