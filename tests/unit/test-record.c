/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "error.h"
#include "record.h"

static void
make_record(struct record *rec)
{
	*rec = (struct record){ .generation = 3, .flags = 0x05 };
	assert_int_equal(bytes_set(&rec->application, "ssh:x", 5), 0);
	assert_int_equal(bytes_set(&rec->user, "alice", 5), 0);
	assert_int_equal(bytes_set(&rec->key_handle, "HANDLE", 6), 0);
}

static const char encoded[] = "\xa7\x00\x69sk-tpm-rk\x01\x01\x02\x03"
			      "\x03\x65ssh:x\x04\x45"
			      "alice\x05\x05\x06\x46HANDLE";

static void
test_round_trip(void **state)
{
	struct record rec, again = { 0 };
	struct bytes out = { 0 };

	(void)state;
	make_record(&rec);
	assert_int_equal(record_encode(&rec, &out), 0);
	assert_int_equal(out.len, sizeof(encoded) - 1);
	assert_memory_equal(out.data, encoded, out.len);
	assert_int_equal(record_decode(bytes_slice(&out), &again), 0);
	assert_int_equal(again.generation, 3);
	assert_int_equal(again.flags, 5);
	assert_true(record_same_key(&rec, &again));
	assert_memory_equal(again.key_handle.data, "HANDLE", 6);
	record_reset(&rec);
	record_reset(&again);
	bytes_reset(&out);
}

static int
decode(const void *data, size_t len)
{
	struct record rec;
	int r = record_decode((struct slice){ data, len }, &rec);

	if (r == 0)
		record_reset(&rec);
	return r;
}

static void
test_damaged(void **state)
{
	char copy[sizeof(encoded)];

	(void)state;
	for (size_t n = 0; n < sizeof(encoded) - 1; n++)
		assert_int_equal(decode(encoded, n), FAIL_HANDLE);
	/* The terminator is a byte behind the end. */
	assert_int_equal(decode(encoded, sizeof(encoded)), FAIL_HANDLE);
	memcpy(copy, encoded, sizeof(copy));
	copy[13] = 2;
	assert_int_equal(decode(copy, sizeof(copy) - 1), FAIL_VERSION);
	copy[13] = 1;
	copy[18] = '\0'; /* an application that would end early */
	assert_int_equal(decode(copy, sizeof(copy) - 1), FAIL_HANDLE);
}

static void
test_too_long(void **state)
{
	static const uint8_t big[RECORD_MAX_LEN];
	struct bytes out = { 0 };
	struct record rec;

	(void)state;
	make_record(&rec);
	assert_int_equal(bytes_set(&rec.key_handle, big, sizeof(big)), 0);
	assert_int_equal(record_encode(&rec, &out), FAIL_ARGUMENT);
	assert_null(out.data);
	record_reset(&rec);
}

static void
test_same_key(void **state)
{
	struct record a, b;

	(void)state;
	make_record(&a);
	make_record(&b);
	b.generation = 9;
	assert_true(record_same_key(&a, &b));
	assert_int_equal(bytes_set(&b.user, "bob", 3), 0);
	assert_false(record_same_key(&a, &b));
	record_reset(&a);
	record_reset(&b);
}

#define TEST_NAME "record"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_same_key),
	};

	return RUN(tests);
}
