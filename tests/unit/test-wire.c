/* SPDX-License-Identifier: ISC */
/* The examples are those of RFC 4251, section 5, where it has some. */
#include "unit.h"

#include "base/error.h"
#include "base/wire.h"

#define SLICE(text) \
	((struct slice){ (const uint8_t *)(text), sizeof(text) - 1 })

static void
test_take_numbers(void **state)
{
	struct slice in = SLICE("\xfe\x29\xb7\xf4\xaa\1\2\3\4\5\6\7\x88"
				"rest");
	uint64_t u64;
	uint32_t u32;
	uint8_t u8;

	(void)state;
	assert_true(wire_take_u8(&in, &u8));
	assert_int_equal(u8, 0xfe);
	assert_true(wire_take_u32(&in, &u32));
	assert_int_equal(u32, 0x29b7f4aa);
	assert_true(wire_take_u64(&in, &u64));
	assert_int_equal(u64, 0x0102030405060788);
	assert_true(slice_is(in, "rest"));
}

static void
test_take_string(void **state)
{
	struct slice in = SLICE("\0\0\0\7testing\0\0\0\0"), s;

	(void)state;
	assert_true(wire_take_string(&in, &s));
	assert_true(slice_is(s, "testing"));
	assert_true(wire_take_string(&in, &s));
	assert_int_equal(s.len, 0);
	assert_int_equal(in.len, 0);
	assert_false(wire_take_string(&in, &s));
}

/* In memory that ends with it, so that AddressSanitizer sees an over-read. */
static struct slice
copy_of(const char *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, data, len);
	return (struct slice){ copy, len };
}

static void
test_cut_short(void **state)
{
	static const char encoded[] = "\0\0\0\4text";

	(void)state;
	for (size_t n = 0; n <= 8; n++) {
		const struct slice whole = copy_of(encoded, n);
		struct slice in, s;
		uint64_t u64;
		uint32_t u32;
		uint8_t u8;

		in = whole;
		assert_int_equal(wire_take_u8(&in, &u8), n >= 1);
		in = whole;
		assert_int_equal(wire_take_u32(&in, &u32), n >= 4);
		in = whole;
		assert_int_equal(wire_take_u64(&in, &u64), n >= 8);
		in = whole;
		assert_int_equal(wire_take_string(&in, &s), n >= 8);
		free((void *)(uintptr_t)whole.data);
	}
}

/* A length that lies, up to the longest, reads nothing behind the end. */
static void
test_length_that_lies(void **state)
{
	static const char *const lengths[] = { "\0\0\0\5text", "\0\1\0\4text",
		"\x7f\xff\xff\xfftext", "\xff\xff\xff\xfftext" };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const struct slice whole = copy_of(lengths[i], 8);
		struct slice in = whole, s;

		assert_false(wire_take_string(&in, &s));
		free((void *)(uintptr_t)whole.data);
	}
}

static void
test_put(void **state)
{
	static const char expected[] = "\x09"
				       "\x29\xb7\xf4\xaa"
				       "\0\0\0\7testing"
				       "\0\0\0\0"
				       "\0\0\0\2\0\xff";
	struct bytes b = { 0 };

	(void)state;
	assert_int_equal(wire_put_u8(&b, 9), 0);
	assert_int_equal(wire_put_u32(&b, 0x29b7f4aa), 0);
	assert_int_equal(wire_put_text(&b, "testing"), 0);
	assert_int_equal(wire_put_text(&b, NULL), 0);
	assert_int_equal(wire_put_string(&b, SLICE("\0\xff")), 0);
	assert_int_equal(b.len, sizeof(expected) - 1);
	assert_memory_equal(b.data, expected, b.len);
	bytes_reset(&b);
}

static void
test_put_from_itself(void **state)
{
	struct bytes b = { 0 };

	(void)state;
	assert_int_equal(wire_put_text(&b, "abc"), 0);
	assert_int_equal(wire_put_string(&b, bytes_slice(&b)), 0);
	assert_int_equal(b.len, 7 + 4 + 7);
	assert_memory_equal(b.data + 7, "\0\0\0\7\0\0\0\3abc", 11);
	bytes_reset(&b);
}

static void
test_too_long_leaves_it_alone(void **state)
{
	const struct slice huge = { (const uint8_t *)"x", SIZE_MAX - 8 };
	struct bytes b = { 0 };

	(void)state;
	assert_int_equal(wire_put_text(&b, "abc"), 0);
	assert_int_equal(wire_put_string(&b, huge), FAIL_MEMORY);
	assert_int_equal(b.len, 7);
	assert_memory_equal(b.data, "\0\0\0\3abc", 7);
	bytes_reset(&b);
}

static void
test_slice_is(void **state)
{
	(void)state;
	assert_true(slice_is(SLICE("ssh:"), "ssh:"));
	assert_false(slice_is(SLICE("ssh:x"), "ssh:"));
	assert_false(slice_is(SLICE("ssh"), "ssh:"));
	assert_false(slice_is(SLICE("ssh:\0"), "ssh:"));
	assert_true(slice_is(SLICE(""), ""));
	assert_true(slice_begins(SLICE("ssh:x"), "ssh:"));
	assert_true(slice_begins(SLICE("ssh:"), "ssh:"));
	/* What lies behind it does not count. */
	assert_false(
	    slice_begins((struct slice){ (const uint8_t *)"ssh:", 3 }, "ssh:"));
	assert_true(slice_begins(SLICE(""), ""));
}

#define TEST_NAME "wire"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_numbers),
		cmocka_unit_test(test_take_string),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_length_that_lies),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_put_from_itself),
		cmocka_unit_test(test_too_long_leaves_it_alone),
		cmocka_unit_test(test_slice_is),
	};

	return RUN(tests);
}
