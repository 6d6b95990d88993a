/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/bytes.h"
#include "base/error.h"

static void
test_append_and_set(void **state)
{
	struct bytes b = { 0 };

	(void)state;
	assert_int_equal(bytes_append(&b, NULL, 0), 0);
	assert_null(b.data);
	assert_int_equal(bytes_append(&b, "abc", 3), 0);
	assert_int_equal(bytes_append(&b, "de", 2), 0);
	assert_int_equal(b.len, 5);
	assert_memory_equal(b.data, "abcde", 5);
	/* From inside itself: the old storage must live until copied. */
	assert_int_equal(bytes_set(&b, b.data + 1, 3), 0);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "bcd", 3);
	bytes_reset(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	bytes_reset(&b);
}

static void
test_too_long_leaves_it_alone(void **state)
{
	struct bytes b = { 0 };

	(void)state;
	assert_int_equal(bytes_set(&b, "abc", 3), 0);
	assert_int_equal(bytes_append(&b, "x", SIZE_MAX), FAIL_MEMORY);
	assert_int_equal(bytes_append(&b, "x", SIZE_MAX / 2), FAIL_MEMORY);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "abc", 3);
	bytes_reset(&b);
}

static void
test_move(void **state)
{
	struct bytes a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(bytes_set(&a, "new", 3), 0);
	assert_int_equal(bytes_set(&b, "older", 5), 0);
	bytes_move(&a, &b);
	assert_null(a.data);
	assert_int_equal(a.len, 0);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "new", 3);
	bytes_reset(&b);
}

static struct slice
slice(const char *s)
{
	return (struct slice){ (const uint8_t *)s, strlen(s) };
}

static void
test_slice_equal(void **state)
{
	(void)state;
	assert_true(slice_equal(slice("abc"), slice("abc")));
	assert_false(slice_equal(slice("abc"), slice("abd")));
	assert_false(slice_equal(slice("abc"), slice("ab")));
	assert_true(slice_equal((struct slice){ NULL, 0 }, slice("")));
}

#define TEST_NAME "bytes"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append_and_set),
		cmocka_unit_test(test_too_long_leaves_it_alone),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_slice_equal),
	};

	return RUN(tests);
}
