/* SPDX-License-Identifier: ISC */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "attest/ek-public.h"
#include "attest/tpm2b.h"
#include "base/error.h"
#include "base/log.h"
#include "base/wire.h"

/* TPM_ALG_ID and objectAttributes, part 2 of the TPM 2.0 Library. */
#define ALG_RSA 0x0001
#define ALG_AES 0x0006
#define ALG_NULL 0x0010
#define ALG_ECC 0x0023
#define ALG_CFB 0x0043

/*
 * Set: fixedTPM, fixedParent, sensitiveDataOrigin, restricted and decrypt. Set
 * or not: userWithAuth, adminWithPolicy and noDA. Whatever else is clear.
 */
#define ATTRIBUTES_SET 0x00030032u
#define ATTRIBUTES_EITHER 0x000004c0u

#define RSA_EXPONENT 65537u

/* What ends an RSAPublicKey: the INTEGER 65537. */
static const uint8_t exponent[] = { 0x02, 0x03, 0x01, 0x00, 0x01 };

/*
 * What a SubjectPublicKeyInfo has before the numbers. For RSA, with a modulus
 * of n bytes, whose highest bit is set: SEQUENCE, AlgorithmIdentifier
 * rsaEncryption with NULL, BIT STRING, SEQUENCE, INTEGER with a zero before the
 * modulus.
 */
#define LEN16(n) (uint8_t)((n) >> 8), (uint8_t)(n)
#define RSA_HEAD(n)                                                        \
	{                                                                  \
		0x30, 0x82, LEN16((n) + 34), 0x30, 0x0d, 0x06, 0x09, 0x2a, \
		    0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,  \
		    0x00, 0x03, 0x82, LEN16((n) + 15), 0x00, 0x30, 0x82,   \
		    LEN16((n) + 10), 0x02, 0x82, LEN16((n) + 1), 0x00      \
	}

static const struct kind {
	enum ek_type type;
	uint16_t algorithm;
	uint16_t parameter; /* keyBits or curveID */
	size_t numbers_len;
	uint8_t head[33];
	size_t head_len;
} kinds[] = {
	{ EK_RSA_2048, ALG_RSA, 2048, 256, RSA_HEAD(256), 33 },
	{ EK_RSA_3072, ALG_RSA, 3072, 384, RSA_HEAD(384), 33 },
	{ EK_RSA_4096, ALG_RSA, 4096, 512, RSA_HEAD(512), 33 },
	/* id-ecPublicKey, prime256v1; the point begins with 4 */
	{ EK_P256, ALG_ECC, 3, 64,
	    { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
		0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
		0x01, 0x07, 0x03, 0x42, 0x00, 0x04 },
	    27 },
	/* id-ecPublicKey, secp384r1 */
	{ EK_P384, ALG_ECC, 4, 96,
	    { 0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
		0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03,
		0x62, 0x00, 0x04 },
	    24 },
};

/* The profile's pairs of nameAlg and cipher; a certificate names neither. */
static const struct suite {
	enum ek_hash name_alg;
	uint32_t aes_bits;
	size_t digest_len;
} suites[] = {
	{ EK_SHA256, 128, 32 },
	{ EK_SHA384, 256, 48 },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int
fail_area(const char *what)
{
	return fail(FAIL_EK,
	    "the public area is not that of an endorsement key as we take them "
	    "(%s)",
	    what);
}

/* --- reading ----------------------------------------------------------- */

static bool
take_this(struct slice *in, uint16_t wanted)
{
	uint16_t value;

	return tpm2b_take_u16(in, &value) && value == wanted;
}

/* A number of at most len bytes, padded in front. */
static bool
take_number(struct slice *in, uint8_t *ret, size_t len)
{
	struct slice number;

	if (!tpm2b_take(in, &number) || number.len == 0 || number.len > len)
		return false;
	memset(ret, 0, len - number.len);
	memcpy(ret + len - number.len, number.data, number.len);
	return true;
}

static const struct suite *
find_suite(uint16_t name_alg)
{
	for (size_t i = 0; i < COUNT(suites); i++)
		if (suites[i].name_alg == name_alg)
			return &suites[i];
	return NULL;
}

static const struct kind *
find_kind(uint16_t algorithm, uint16_t parameter)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (kinds[i].algorithm == algorithm &&
		    kinds[i].parameter == parameter)
			return &kinds[i];
	return NULL;
}

/* An exponent of 0 is the default. The modulus is odd, its highest bit set. */
static bool
take_rsa(struct slice *in, struct ek_public *ek)
{
	uint32_t e;

	return wire_take_u32(in, &e) && (e == 0 || e == RSA_EXPONENT) &&
	    take_number(in, ek->numbers, ek->numbers_len) && in->len == 0 &&
	    (ek->numbers[0] & 0x80) != 0 &&
	    (ek->numbers[ek->numbers_len - 1] & 1) != 0;
}

/* No KDF scheme, then the point. */
static bool
take_ecc(struct slice *in, struct ek_public *ek)
{
	const size_t half = ek->numbers_len / 2;

	return take_this(in, ALG_NULL) && take_number(in, ek->numbers, half) &&
	    take_number(in, ek->numbers + half, half) && in->len == 0;
}

int
ek_public_parse(struct slice area, struct ek_public *ret)
{
	struct slice rest = area, policy;
	uint16_t size, algorithm, name_alg, parameter;
	struct ek_public ek = { 0 };
	const struct suite *suite;
	const struct kind *kind;
	EVP_PKEY *pkey = NULL;
	uint32_t attributes;
	int r;

	if (!tpm2b_take_u16(&rest, &size) || size != rest.len)
		return fail_area("size");
	if (!tpm2b_take_u16(&rest, &algorithm) ||
	    !tpm2b_take_u16(&rest, &name_alg) ||
	    (suite = find_suite(name_alg)) == NULL)
		return fail_area("nameAlg");
	if (!wire_take_u32(&rest, &attributes) ||
	    (attributes & ~ATTRIBUTES_EITHER) != ATTRIBUTES_SET)
		return fail_area("attributes");
	if (!tpm2b_take(&rest, &policy) ||
	    (policy.len != 0 && policy.len != suite->digest_len))
		return fail_area("authPolicy");
	if (!take_this(&rest, ALG_AES) ||
	    !take_this(&rest, (uint16_t)suite->aes_bits) ||
	    !take_this(&rest, ALG_CFB))
		return fail_area("cipher");
	if (!take_this(&rest, ALG_NULL) || !tpm2b_take_u16(&rest, &parameter) ||
	    (kind = find_kind(algorithm, parameter)) == NULL)
		return fail_area("algorithm");
	ek.type = kind->type;
	ek.name_alg = suite->name_alg;
	ek.aes_bits = suite->aes_bits;
	ek.numbers_len = kind->numbers_len;
	if (!(algorithm == ALG_RSA ? take_rsa(&rest, &ek)
				   : take_ecc(&rest, &ek)))
		return fail_area("key");
	if ((r = ek_public_pkey(&ek, &pkey)) == 0)
		*ret = ek;
	EVP_PKEY_free(pkey);
	return r;
}

/* --- what it says ------------------------------------------------------ */

bool
ek_public_is_rsa(const struct ek_public *ek)
{
	return kinds[ek->type].algorithm == ALG_RSA;
}

const EVP_MD *
ek_public_hash(const struct ek_public *ek)
{
	return ek->name_alg == EK_SHA384 ? EVP_sha384() : EVP_sha256();
}

int
ek_public_spki(const struct ek_public *ek, struct bytes *ret)
{
	const struct kind *kind = &kinds[ek->type];
	struct bytes out = { 0 };
	int r;

	if ((r = bytes_append(&out, kind->head, kind->head_len)) == 0 &&
	    (r = bytes_append(&out, ek->numbers, ek->numbers_len)) == 0 &&
	    ek_public_is_rsa(ek))
		r = bytes_append(&out, exponent, sizeof(exponent));
	if (r == 0)
		bytes_move(&out, ret);
	bytes_reset(&out);
	return r;
}

int
ek_public_pkey(const struct ek_public *ek, EVP_PKEY **ret)
{
	struct bytes spki = { 0 };
	const unsigned char *p;
	EVP_PKEY *pkey;
	int r;

	if ((r = ek_public_spki(ek, &spki)) != 0)
		return r;
	p = spki.data;
	if ((pkey = d2i_PUBKEY(NULL, &p, (long)spki.len)) != NULL)
		*ret = pkey;
	else if (ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE)
		r = fail(FAIL_MEMORY, "out of memory");
	else
		r = fail_area("point");
	bytes_reset(&spki);
	return r;
}
