/* SPDX-License-Identifier: ISC */
/* Against digests computed here, step by step. */
#include "unit.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "authenticator/authdata.h"
#include "base/error.h"
#include "protocol.h"

static void
openssl_sha256(const void *in, size_t len, uint8_t out[32])
{
	assert_int_equal(EVP_Digest(in, len, out, NULL, EVP_sha256(), NULL), 1);
}

static void
test_assertion_digest(void **state)
{
	const struct slice message = { (const uint8_t *)"message", 7 };
	uint8_t expected[32], actual[32], in[32 + 1 + 4 + 32] = { 0 };

	(void)state;
	openssl_sha256("ssh:", 4, in);
	in[32] = 0x05;
	openssl_sha256("message", 7, in + 37);
	openssl_sha256(in, sizeof(in), expected);
	assert_int_equal(
	    fido_assertion_digest("ssh:", 0x05, message, actual), 0);
	assert_memory_equal(actual, expected, 32);
}

static void
test_authenticator_data(void **state)
{
	const struct slice handle = { (const uint8_t *)"HANDLE", 6 };
	struct bytes out = { 0 };
	struct ec_point point;
	uint8_t hash[32];

	(void)state;
	memset(point.x, 0xaa, 32);
	memset(point.y, 0xbb, 32);
	assert_int_equal(fido_authenticator_data(
			     "ssh:x", FIDO_FLAG_UP, handle, &point, &out),
	    0);
	assert_int_equal(out.len, 37 + 16 + 2 + 6 + 77);
	openssl_sha256("ssh:x", 5, hash);
	assert_memory_equal(out.data, hash, 32);
	assert_memory_equal(out.data + 32, "\x41\0\0\0\0", 5);
	assert_memory_equal(out.data + 53, "\0\6HANDLE", 8);
	assert_memory_equal(
	    out.data + 61, "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20\xaa", 11);
	assert_memory_equal(out.data + out.len - 35, "\x22\x58\x20\xbb", 4);
	bytes_reset(&out);
}

static void
test_authenticator_data_refuses_a_long_handle(void **state)
{
	static uint8_t handle[65536];
	struct ec_point point = { 0 };
	struct bytes out = { 0 };

	(void)state;
	assert_int_equal(
	    fido_authenticator_data("ssh:", 1,
		(struct slice){ handle, sizeof(handle) }, &point, &out),
	    FAIL_ARGUMENT);
	assert_null(out.data);
}

static void
test_wrap(void **state)
{
	uint8_t data[300] = { 7 };
	struct bytes out = { 0 };

	(void)state;
	assert_int_equal(
	    fido_wrap_authdata((struct slice){ data, sizeof(data) }, &out), 0);
	assert_int_equal(out.len, 303);
	assert_memory_equal(out.data, "\x59\x01\x2c\x07", 4);
	bytes_reset(&out);
}

static void
test_attestation_digest(void **state)
{
	const struct slice authdata = { (const uint8_t *)"AUTHDATA", 8 };
	const struct slice challenge = { (const uint8_t *)"C", 1 };
	uint8_t in[8 + 32], expected[32], actual[32];

	(void)state;
	memcpy(in, "AUTHDATA", 8);
	openssl_sha256("C", 1, in + 8);
	openssl_sha256(in, sizeof(in), expected);
	assert_int_equal(
	    fido_attestation_digest(authdata, challenge, actual), 0);
	assert_memory_equal(actual, expected, 32);
}

/* --- the examples of PROTOCOL.md ---------------------------------------- */

static struct slice
example(const char *name, struct bytes *ret)
{
	protocol_example(name, ret);
	return bytes_slice(ret);
}

/* Authenticator data without their CBOR header end with the key's point. */
static void
example_point(struct slice authdata, struct ec_point *ret)
{
	const uint8_t *end = authdata.data + authdata.len;

	memcpy(ret->x, end - 67, 32);
	memcpy(ret->y, end - 32, 32);
}

static void
test_protocol_signature(void **state)
{
	struct bytes message = { 0 }, in = { 0 }, rs = { 0 }, authdata = { 0 };
	uint8_t digest[32], expected[32];
	struct ec_signature sig;
	struct ec_point point;

	(void)state;
	example("message", &message);
	example("signed", &in);
	assert_int_equal(in.len, 69);
	openssl_sha256(in.data, in.len, expected);
	assert_int_equal(
	    fido_assertion_digest("ssh:", FIDO_FLAG_UP | FIDO_FLAG_UV,
		bytes_slice(&message), digest),
	    0);
	assert_memory_equal(digest, expected, 32);

	example_point(example("authdata", &authdata), &point);
	example("signature", &rs);
	assert_int_equal(rs.len, 64);
	memcpy(sig.r, rs.data, 32);
	memcpy(sig.s, rs.data + 32, 32);
	assert_int_equal(p256_verify(&point, digest, &sig), 0);
	bytes_reset(&message);
	bytes_reset(&in);
	bytes_reset(&rs);
	bytes_reset(&authdata);
}

static void
test_protocol_authdata(void **state)
{
	const struct slice handle = { (const uint8_t *)"HANDLE", 6 };
	struct bytes wanted = { 0 }, data = { 0 }, wrapped = { 0 };
	struct ec_point point;

	(void)state;
	example_point(example("authdata", &wanted), &point);
	assert_int_equal(
	    fido_authenticator_data(
		"ssh:", FIDO_FLAG_UP | FIDO_FLAG_UV, handle, &point, &data),
	    0);
	assert_int_equal(fido_wrap_authdata(bytes_slice(&data), &wrapped), 0);
	assert_int_equal(wrapped.len, wanted.len);
	assert_memory_equal(wrapped.data, wanted.data, wanted.len);
	bytes_reset(&wanted);
	bytes_reset(&data);
	bytes_reset(&wrapped);
}

static void
test_protocol_attestation(void **state)
{
	const struct slice challenge = { (const uint8_t *)"challenge", 9 };
	struct bytes wrapped = { 0 }, wanted = { 0 }, der = { 0 };
	struct slice authdata;
	const unsigned char *at;
	struct ec_signature sig;
	struct ec_point point;
	uint8_t digest[32];
	ECDSA_SIG *ecdsa;

	(void)state;
	authdata = example("authdata", &wrapped);
	example_point(authdata, &point);
	authdata.data += 2; /* the header of its CBOR byte string */
	authdata.len -= 2;
	assert_int_equal(
	    fido_attestation_digest(authdata, challenge, digest), 0);

	at = example("attestation-signature", &wanted).data;
	ecdsa = d2i_ECDSA_SIG(NULL, &at, (long)wanted.len);
	assert_non_null(ecdsa);
	BN_bn2binpad(ECDSA_SIG_get0_r(ecdsa), sig.r, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(ecdsa), sig.s, 32);
	ECDSA_SIG_free(ecdsa);
	assert_int_equal(p256_verify(&point, digest, &sig), 0);
	assert_int_equal(p256_signature_der(&sig, &der), 0);
	assert_int_equal(der.len, wanted.len);
	assert_memory_equal(der.data, wanted.data, wanted.len);
	bytes_reset(&wrapped);
	bytes_reset(&wanted);
	bytes_reset(&der);
}

#define TEST_NAME "authdata"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_assertion_digest),
		cmocka_unit_test(test_authenticator_data),
		cmocka_unit_test(test_authenticator_data_refuses_a_long_handle),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_attestation_digest),
		cmocka_unit_test(test_protocol_signature),
		cmocka_unit_test(test_protocol_authdata),
		cmocka_unit_test(test_protocol_attestation),
	};

	return RUN(tests);
}
