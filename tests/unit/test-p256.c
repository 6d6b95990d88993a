/* SPDX-License-Identifier: ISC */
/* Against RFC 6979's example signature for P-256. */
#include "unit.h"

#include "base/error.h"
#include "base/p256.h"

static void
from_hex(const char *hex, uint8_t *out, size_t len)
{
	assert_int_equal(strlen(hex), len * 2);
	for (size_t i = 0; i < len; i++) {
		unsigned int byte;

		assert_int_equal(sscanf(hex + i * 2, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
}

/* RFC 6979, A.2.5: key and signature of "sample" with SHA-256. */
static void
rfc6979(struct ec_point *point, uint8_t digest[32], struct ec_signature *sig)
{
	from_hex("60FED4BA255A9D31C961EB74C6356D68"
		 "C049B8923B61FA6CE669622E60F29FB6",
	    point->x, 32);
	from_hex("7903FE1008B8BC99A41AE9E95628BC64"
		 "F2F1B20C2D7E9F5177A3C294D4462299",
	    point->y, 32);
	from_hex("EFD48B2AACB6A8FD1140DD9CD45E81D6"
		 "9D2C877B56AAF991C34D0EA84EAF3716",
	    sig->r, 32);
	from_hex("F7CB1C942D657C41D436C7A1B6E29F65"
		 "F3E900DBB9AFF4064DC4AB2F843ACDA8",
	    sig->s, 32);
	assert_int_equal(sha256_text("sample", digest), 0);
}

static void
test_verify(void **state)
{
	struct ec_signature sig;
	struct ec_point point;
	uint8_t digest[32];

	(void)state;
	rfc6979(&point, digest, &sig);
	assert_int_equal(p256_verify(&point, digest, &sig), 0);
	digest[31] ^= 1;
	assert_int_equal(p256_verify(&point, digest, &sig), FAIL_FORGED);
	digest[31] ^= 1;
	sig.s[0] ^= 1;
	assert_int_equal(p256_verify(&point, digest, &sig), FAIL_FORGED);
	memset(&sig, 0, sizeof(sig));
	assert_int_equal(p256_verify(&point, digest, &sig), FAIL_FORGED);
	point.y[31] ^= 1; /* off the curve */
	assert_int_equal(p256_verify(&point, digest, &sig), FAIL_FORGED);
}

static void
test_signature_der(void **state)
{
	/* Short numbers lose their zeros; a high bit gains one. */
	struct ec_signature sig = { .r[31] = 0x7f, .s[31] = 0x80 };
	struct bytes out = { 0 };

	(void)state;
	assert_int_equal(p256_signature_der(&sig, &out), 0);
	assert_int_equal(out.len, 9);
	assert_memory_equal(
	    out.data, "\x30\x07\x02\x01\x7f\x02\x02\x00\x80", 9);
	bytes_reset(&out);
}

#define TEST_NAME "p256"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_signature_der),
	};

	return RUN(tests);
}
