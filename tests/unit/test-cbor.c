/* SPDX-License-Identifier: ISC */
/* The examples are those of RFC 8949, appendix A, where it has some. */
#include "unit.h"

#include "base/cbor.h"
#include "base/error.h"

#define SLICE(text) \
	((struct slice){ (const uint8_t *)(text), sizeof(text) - 1 })

#define ASSERT_BYTES(b, text)                                   \
	do {                                                    \
		assert_int_equal((b)->len, sizeof(text) - 1);   \
		assert_memory_equal((b)->data, text, (b)->len); \
		bytes_reset(b);                                 \
	} while (0)

static void
test_uint(void **state)
{
	static const struct {
		uint64_t value;
		struct slice encoded;
	} cases[] = {
		{ 0, { (const uint8_t *)"\x00", 1 } },
		{ 23, { (const uint8_t *)"\x17", 1 } },
		{ 24, { (const uint8_t *)"\x18\x18", 2 } },
		{ 255, { (const uint8_t *)"\x18\xff", 2 } },
		{ 1000, { (const uint8_t *)"\x19\x03\xe8", 3 } },
		{ 1000000, { (const uint8_t *)"\x1a\x00\x0f\x42\x40", 5 } },
		{ 1000000000000,
		    { (const uint8_t *)"\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00",
			9 } },
		{ UINT64_MAX,
		    { (const uint8_t *)"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
			9 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice in = cases[i].encoded;
		struct bytes out = { 0 };
		uint64_t value;

		assert_int_equal(cbor_put_uint(&out, cases[i].value), 0);
		assert_true(slice_equal(bytes_slice(&out), in));
		assert_true(cbor_take_uint(&in, &value));
		assert_int_equal(value, cases[i].value);
		assert_int_equal(in.len, 0);
		bytes_reset(&out);
	}
}

static void
test_write(void **state)
{
	struct bytes out = { 0 };

	(void)state;
	assert_int_equal(cbor_put_bytes(&out, SLICE("\1\2\3\4")), 0);
	ASSERT_BYTES(&out, "\x44\1\2\3\4");
	assert_int_equal(cbor_put_text(&out, SLICE("IETF")), 0);
	ASSERT_BYTES(&out, "\x64IETF");
	assert_int_equal(cbor_put_text(&out, SLICE("")), 0);
	ASSERT_BYTES(&out, "\x60");
	assert_int_equal(cbor_put_map(&out, 2), 0);
	ASSERT_BYTES(&out, "\xa2");
	assert_int_equal(cbor_put_array(&out, 25), 0);
	ASSERT_BYTES(&out, "\x98\x19");
}

static void
test_read(void **state)
{
	struct slice in = SLICE("\xa2\x61"
				"a\x44\1\2\3\4\x98\x19\x40rest"),
		     s;
	uint64_t n;

	(void)state;
	assert_true(cbor_take_map(&in, &n));
	assert_int_equal(n, 2);
	assert_true(cbor_take_text(&in, &s));
	assert_true(slice_equal(s, SLICE("a")));
	assert_true(cbor_take_bytes(&in, &s));
	assert_true(slice_equal(s, SLICE("\1\2\3\4")));
	assert_true(cbor_take_array(&in, &n));
	assert_int_equal(n, 25);
	assert_true(cbor_take_bytes(&in, &s));
	assert_int_equal(s.len, 0);
	assert_true(slice_equal(in, SLICE("rest")));
}

/* One of each, beginning to end, in the order of `takes`. */
static const struct slice items[] = {
	{ (const uint8_t *)"\x19\x03\xe8", 3 },
	{ (const uint8_t *)"\x44\1\2\3\4", 5 },
	{ (const uint8_t *)"\x64IETF", 5 },
	{ (const uint8_t *)"\xb8\x18", 2 },
	{ (const uint8_t *)"\x98\x19", 2 },
};

static bool
take(size_t type, struct slice in)
{
	struct slice s;
	uint64_t n;

	switch (type) {
	case 0:
		return cbor_take_uint(&in, &n);
	case 1:
		return cbor_take_bytes(&in, &s);
	case 2:
		return cbor_take_text(&in, &s);
	case 3:
		return cbor_take_map(&in, &n);
	default:
		return cbor_take_array(&in, &n);
	}
}

static void
test_only_what_was_asked_for(void **state)
{
	(void)state;
	for (size_t type = 0; type < 5; type++)
		for (size_t i = 0; i < 5; i++)
			assert_int_equal(take(type, items[i]), type == i);
}

static void
test_cut_short(void **state)
{
	(void)state;
	for (size_t type = 0; type < 5; type++)
		for (size_t n = 0; n < items[type].len; n++) {
			/* So that AddressSanitizer sees an over-read. */
			uint8_t *copy = malloc(n > 0 ? n : 1);

			assert_non_null(copy);
			memcpy(copy, items[type].data, n);
			assert_false(take(type, (struct slice){ copy, n }));
			free(copy);
		}
}

/*
 * Negative numbers, what has no end yet, tags, simple values, numbers with a
 * fraction, the break, what is reserved, and lengths that lie.
 */
static void
test_what_we_never_read(void **state)
{
	static const struct slice others[] = {
		{ (const uint8_t *)"\x20", 1 },
		{ (const uint8_t *)"\x5f\x41\1\xff", 4 },
		{ (const uint8_t *)"\x7f\x61z\xff", 4 },
		{ (const uint8_t *)"\x9f\xff", 2 },
		{ (const uint8_t *)"\xbf\xff", 2 },
		{ (const uint8_t *)"\xc1\x00", 2 },
		{ (const uint8_t *)"\xf4", 1 },
		{ (const uint8_t *)"\xf6", 1 },
		{ (const uint8_t *)"\xf9\x3c\x00", 3 },
		{ (const uint8_t *)"\xff", 1 },
		{ (const uint8_t *)"\x1c", 1 },
		{ (const uint8_t *)"\x5b\xff\xff\xff\xff\xff\xff\xff\xffz",
		    10 },
		{ (const uint8_t *)"\x7a\xff\xff\xff\xffz", 6 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		for (size_t type = 0; type < 5; type++)
			if (take(type, others[i]))
				FAIL_MSG("read case %zu as type %zu", i, type);
}

/* Only a number of entries: nothing is set aside for as many. */
static void
test_any_number_of_entries(void **state)
{
	struct slice map = SLICE("\xbb\xff\xff\xff\xff\xff\xff\xff\xff");
	struct slice array = SLICE("\x9b\xff\xff\xff\xff\xff\xff\xff\xff");
	uint64_t n;

	(void)state;
	assert_true(cbor_take_map(&map, &n));
	assert_int_equal(n, UINT64_MAX);
	assert_true(cbor_take_array(&array, &n));
	assert_int_equal(n, UINT64_MAX);
}

static void
test_entries(void **state)
{
	struct bytes out = { 0 };
	struct slice in, s;
	uint64_t n;

	(void)state;
	assert_int_equal(cbor_put_entry_uint(&out, 0, 7), 0);
	assert_int_equal(cbor_put_entry_bytes(&out, 24, SLICE("b")), 0);
	assert_int_equal(cbor_put_entry_text(&out, 25, SLICE("t")), 0);
	in = bytes_slice(&out);
	assert_true(slice_equal(in,
	    SLICE("\0\7\x18\x18\x41"
		  "b\x18\x19\x61t")));
	assert_false(cbor_take_optional_key(&in, 24));
	assert_true(cbor_take_entry_uint(&in, 0, &n));
	assert_int_equal(n, 7);
	assert_true(cbor_take_optional_key(&in, 24));
	assert_true(cbor_take_bytes(&in, &s));
	assert_true(slice_equal(s, SLICE("b")));
	assert_true(cbor_take_entry_text(&in, 25, &s));
	assert_true(slice_equal(s, SLICE("t")));
	assert_int_equal(in.len, 0);

	/* Another key, and another type. */
	in = bytes_slice(&out);
	assert_false(cbor_take_entry_uint(&in, 1, &n));
	in = bytes_slice(&out);
	assert_false(cbor_take_entry_bytes(&in, 0, &s));
	in = bytes_slice(&out);
	assert_false(cbor_take_entry_text(&in, 0, &s));
	bytes_reset(&out);
}

#define TEST_NAME "cbor"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uint),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_only_what_was_asked_for),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_what_we_never_read),
		cmocka_unit_test(test_any_number_of_entries),
		cmocka_unit_test(test_entries),
	};

	return RUN(tests);
}
