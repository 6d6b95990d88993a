/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "helper-answers.h"

#include "base/error.h"
#include "base/wire.h"
#include "fallback/helper-message.h"

/* The next value of a request is this string. */
static void
assert_string(struct slice *in, const char *text)
{
	struct slice s;

	assert_true(wire_take_string(in, &s));
	assert_true(slice_is(s, text));
}

static void
assert_u32(struct slice *in, uint32_t expected)
{
	uint32_t n;

	assert_true(wire_take_u32(in, &n));
	assert_int_equal(n, expected);
}

static void
assert_u8(struct slice *in, uint8_t expected)
{
	uint8_t n;

	assert_true(wire_take_u8(in, &n));
	assert_int_equal(n, expected);
}

static void
test_sign_request(void **state)
{
	const struct helper_sign_request req = {
		.provider = "internal",
		.application = "ssh:",
		.key_handle = SLICE("handle"),
		.message = SLICE("message"),
		.flags = 5,
		.pin = "1234",
	};
	struct bytes out = { 0 };
	struct slice in, key, point;

	(void)state;
	assert_int_equal(helper_encode_sign(&req, &out), 0);
	in = bytes_slice(&out);
	assert_u32(&in, (uint32_t)out.len - 4);
	assert_u8(&in, 5);
	assert_u32(&in, 1);
	assert_u8(&in, 1);
	assert_u32(&in, 1);
	assert_true(wire_take_string(&in, &key));
	assert_string(&key, ECDSA_SK);
	assert_string(&key, "nistp256");
	assert_true(wire_take_string(&key, &point));
	assert_int_equal(point.len, 65);
	assert_string(&key, "ssh:");
	assert_u8(&key, 5);
	assert_string(&key, "handle");
	assert_string(&key, "");
	assert_int_equal(key.len, 0);
	assert_string(&in, "internal");
	assert_string(&in, "message");
	assert_string(&in, "");
	assert_u32(&in, 0);
	assert_string(&in, "1234");
	assert_int_equal(in.len, 0);
	bytes_reset(&out);
}

static void
test_enroll_request(void **state)
{
	const struct helper_enroll_request req = {
		.provider = "/lib/other.so",
		.application = "ssh:x",
		.user = "alice",
		.challenge = SLICE("challenge"),
		.flags = 1,
		.verbose = true,
	};
	struct bytes out = { 0 };
	struct slice in;

	(void)state;
	assert_int_equal(helper_encode_enroll(&req, 12, &out), 0);
	in = bytes_slice(&out);
	assert_u32(&in, (uint32_t)out.len - 4);
	assert_u8(&in, 5);
	assert_u32(&in, 2);
	assert_u8(&in, 1);
	assert_u32(&in, 5);
	assert_u32(&in, 12);
	assert_string(&in, "/lib/other.so");
	assert_string(&in, "");
	assert_string(&in, "ssh:x");
	assert_string(&in, "alice");
	assert_u8(&in, 1);
	assert_string(&in, "");
	assert_string(&in, "challenge");
	assert_int_equal(in.len, 0);
	bytes_reset(&out);
}

static int
decode_ecdsa(struct slice r, struct slice s, struct helper_signature *ret)
{
	struct bytes pair = { 0 }, answer = { 0 };
	int err;

	put(&pair, r);
	put(&pair, s);
	make_signature(ECDSA_SK, bytes_slice(&pair), &answer);
	err = helper_decode_signature(bytes_slice(&answer), HELPER_ECDSA, ret);
	/* No shorter one is read, and none that goes on. */
	for (size_t n = 0; err == 0 && n < answer.len; n++)
		assert_int_equal(
		    helper_decode_signature((struct slice){ answer.data, n },
			false, &(struct helper_signature){ 0 }),
		    FAIL_FALLBACK);
	bytes_reset(&pair);
	bytes_reset(&answer);
	return err;
}

static void
test_ecdsa_signature(void **state)
{
	struct helper_signature sig = { 0 };

	(void)state;
	assert_int_equal(decode_ecdsa(SLICE("\1\2"), SLICE("\0\x81"), &sig), 0);
	assert_int_equal(sig.r.len, 2);
	assert_int_equal(sig.s.len, 1);
	assert_int_equal(sig.s.data[0], 0x81);
	assert_int_equal(sig.flags, 1);
	assert_int_equal(sig.counter, 7);
	helper_signature_reset(&sig);
	/* Negative, zero, and too long. */
	assert_int_equal(
	    decode_ecdsa(SLICE("\x81"), SLICE("\1"), &sig), FAIL_FALLBACK);
	assert_int_equal(
	    decode_ecdsa(SLICE(""), SLICE("\1"), &sig), FAIL_FALLBACK);
	assert_int_equal(decode_ecdsa(SLICE("\1"),
			     SLICE("\1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &sig),
	    FAIL_FALLBACK);
}

static void
test_ed25519_signature(void **state)
{
	struct bytes answer = { 0 };
	struct helper_signature sig = { 0 };
	uint8_t raw[64] = { 1 };

	(void)state;
	make_signature(ED25519_SK, (struct slice){ raw, 64 }, &answer);
	assert_int_equal(
	    helper_decode_signature(bytes_slice(&answer), HELPER_ED25519, &sig),
	    0);
	assert_int_equal(sig.r.len, 64);
	assert_int_equal(sig.s.len, 0);
	helper_signature_reset(&sig);
	/* Another key's kind of signature, and another answer's. */
	assert_int_equal(
	    helper_decode_signature(bytes_slice(&answer), HELPER_ECDSA, &sig),
	    FAIL_FALLBACK);
	assert_int_equal(
	    helper_decode_key(bytes_slice(&answer), &(struct helper_key){ 0 }),
	    FAIL_FALLBACK);
	bytes_reset(&answer);
	make_signature(ED25519_SK, (struct slice){ raw, 63 }, &answer);
	assert_int_equal(
	    helper_decode_signature(bytes_slice(&answer), HELPER_ED25519, &sig),
	    FAIL_FALLBACK);
	bytes_reset(&answer);
}

static void
test_key(void **state)
{
	struct bytes answer = { 0 };
	struct helper_key ret = { 0 };

	(void)state;
	make_key(&answer);
	assert_int_equal(helper_decode_key(bytes_slice(&answer), &ret), 0);
	assert_int_equal(ret.public_key.data[0], 9);
	assert_int_equal(ret.flags, 4);
	assert_memory_equal(ret.key_handle.data, "handle", 6);
	assert_memory_equal(ret.certificate.data, "certificate", 11);
	assert_memory_equal(ret.signature.data, "signature", 9);
	assert_memory_equal(ret.authdata.data, "authdata", 8);
	helper_key_reset(&ret);
	for (size_t n = 0; n < answer.len; n++)
		assert_int_equal(
		    helper_decode_key((struct slice){ answer.data, n }, &ret),
		    FAIL_FALLBACK);
	bytes_reset(&answer);
}

static int
refused_with(uint32_t err)
{
	struct bytes answer = { 0 };
	int r;

	make_refusal(err, &answer);
	r = helper_decode_key(bytes_slice(&answer), &(struct helper_key){ 0 });
	bytes_reset(&answer);
	return r;
}

static void
test_refusals(void **state)
{
	(void)state;
	assert_int_equal(refused_with(60), FAIL_NO_TOKEN);
	assert_int_equal(refused_with(43), FAIL_PIN_REQUIRED);
	assert_int_equal(refused_with(44), FAIL_EXISTS);
	assert_int_equal(refused_with(59), FAIL_UNSUPPORTED);
	assert_int_equal(refused_with(10), FAIL_ARGUMENT);
	assert_int_equal(refused_with(4), FAIL_NO_REASON);
	assert_int_equal(refused_with(0), FAIL_FALLBACK);
}

#define TEST_NAME "helper-message"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign_request),
		cmocka_unit_test(test_enroll_request),
		cmocka_unit_test(test_ecdsa_signature),
		cmocka_unit_test(test_ed25519_signature),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_refusals),
	};

	return RUN(tests);
}
