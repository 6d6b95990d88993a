/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "protocol.h"

#include "base/error.h"
#include "key/resident-record.h"

static void
make_record(struct record *rec)
{
	*rec = (struct record){ .generation = 3 };
	assert_int_equal(bytes_set(&rec->application, "ssh:x", 5), 0);
	assert_int_equal(bytes_set(&rec->user, "alice", 5), 0);
	assert_int_equal(bytes_set(&rec->key_handle, "HANDLE", 6), 0);
}

static const char encoded[] = "\xa6\x00\x69sk-tpm-rk\x01\x01\x02\x03"
			      "\x03\x65ssh:x\x04\x45"
			      "alice\x05\x46HANDLE";

static void
test_round_trip(void **state)
{
	struct record rec, again = { 0 };
	struct bytes out = { 0 }, page = { 0 };

	(void)state;
	protocol_example("record", &page);
	assert_int_equal(page.len, sizeof(encoded) - 1);
	assert_memory_equal(page.data, encoded, page.len);
	bytes_reset(&page);
	make_record(&rec);
	assert_int_equal(record_encode(&rec, &out), 0);
	assert_int_equal(out.len, sizeof(encoded) - 1);
	assert_memory_equal(out.data, encoded, out.len);
	assert_int_equal(record_decode(bytes_slice(&out), &again), 0);
	assert_int_equal(again.generation, 3);
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

static int
check(const char *application, const char *user)
{
	struct record rec = { 0 };
	int r;

	assert_int_equal(
	    bytes_set(&rec.application, application, strlen(application)), 0);
	assert_int_equal(bytes_set(&rec.user, user, strlen(user)), 0);
	r = record_check_names(&rec);
	record_reset(&rec);
	return r;
}

static void
test_names(void **state)
{
	static const char *const good[] = { "", "alice", "a b..c\\d",
		"\xc3\xa9t\xc3\xa9", "\xc2\xa0", "\xe2\x82\xac",
		"\xf0\x9f\x94\x91" };
	static const char *const bad[] = { "/", "a/../../b", "\33]0;t\7", "\n",
		"\x7f", "\xc2\x9b", "\x9b", "\xc3", "\xe2\x82", "\xe2\x82x",
		"\xc0\xaf", "\xf5\x80\x80\x80" };
	char application[256] = "ssh:";

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(check("ssh:", good[i]), 0);
		assert_int_equal(check(good[i], ""), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(check("ssh:", bad[i]), FAIL_NAME);
		assert_int_equal(check(bad[i], ""), FAIL_NAME);
	}
	assert_int_equal(check("ssh://host", ""), 0);
	assert_int_equal(check("ssh:///host", ""), FAIL_NAME);
	assert_int_equal(check("ssh:/host", ""), FAIL_NAME);
	/* id_ecdsa_sk_rk_..._alice.pub has 255 bytes, and then 256. */
	memset(application + 4, 'a', 230);
	assert_int_equal(check(application, "alice"), 0);
	assert_int_equal(check(application, "alices"), FAIL_NAME);
}

#define TEST_NAME "resident-record"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_same_key),
		cmocka_unit_test(test_names),
	};

	return RUN(tests);
}
