/* SPDX-License-Identifier: ISC */
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/p256.h"

#if OPENSSL_VERSION_NUMBER < 0x30000000L
#define EVP_PKEY_set1_encoded_public_key EVP_PKEY_set1_tls_encodedpoint
#endif

void
p256_encode_point(const struct ec_point *point, uint8_t ret[P256_POINT_LEN])
{
	ret[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(ret + 1, point->x, sizeof(point->x));
	memcpy(ret + 33, point->y, sizeof(point->y));
}

int
p256_signature_der(const struct ec_signature *sig, struct bytes *ret)
{
	BIGNUM *r = BN_bin2bn(sig->r, sizeof(sig->r), NULL);
	BIGNUM *s = BN_bin2bn(sig->s, sizeof(sig->s), NULL);
	ECDSA_SIG *ecdsa = ECDSA_SIG_new();
	unsigned char *der = NULL;
	int err = FAIL_MEMORY, len;

	if (r == NULL || s == NULL || ecdsa == NULL ||
	    ECDSA_SIG_set0(ecdsa, r, s) != 1) {
		fail(err, "out of memory");
		goto out;
	}
	r = s = NULL; /* now ecdsa's */
	if ((len = i2d_ECDSA_SIG(ecdsa, &der)) <= 0) {
		err = fail(FAIL_INTERNAL, "cannot encode a signature");
		goto out;
	}
	err = bytes_set(ret, der, (size_t)len);
out:
	OPENSSL_free(der);
	ECDSA_SIG_free(ecdsa);
	BN_free(r);
	BN_free(s);
	return err;
}

/*
 * Sets the curve first, then the point. Reading a SubjectPublicKeyInfo instead
 * would make OpenSSL 3 set up its decoders, which costs more than the
 * verification.
 */
int
p256_pkey(const struct ec_point *point, EVP_PKEY **ret)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	uint8_t encoded[P256_POINT_LEN];
	EVP_PKEY *pkey = NULL;
	int r = 0;

	p256_encode_point(point, encoded);
	if (ctx != NULL && EVP_PKEY_paramgen_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) ==
		1 &&
	    EVP_PKEY_paramgen(ctx, &pkey) == 1 &&
	    EVP_PKEY_set1_encoded_public_key(pkey, encoded, sizeof(encoded)) ==
		1) {
		*ret = pkey;
		pkey = NULL;
	} else if (ERR_GET_REASON(ERR_peek_last_error()) ==
	    ERR_R_MALLOC_FAILURE)
		r = fail(FAIL_MEMORY, "out of memory");
	else
		r = fail(FAIL_FORGED,
		    "the TPM's public key is not a point of P-256");
	EVP_PKEY_free(pkey);
	EVP_PKEY_CTX_free(ctx);
	return r;
}

int
p256_verify(const struct ec_point *point, const uint8_t digest[SHA256_LEN],
    const struct ec_signature *sig)
{
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;
	struct bytes der = { 0 };
	int r, n;

	if ((r = p256_pkey(point, &pkey)) != 0 ||
	    (r = p256_signature_der(sig, &der)) != 0)
		goto out;
	if ((ctx = EVP_PKEY_CTX_new(pkey, NULL)) == NULL ||
	    EVP_PKEY_verify_init(ctx) != 1) {
		r = fail(FAIL_INTERNAL, "cannot verify a signature");
		goto out;
	}
	n = EVP_PKEY_verify(ctx, der.data, der.len, digest, SHA256_LEN);
	if (n == 0)
		r = fail(FAIL_FORGED,
		    "the TPM returned a signature that does not verify");
	else if (n != 1)
		r = fail(FAIL_INTERNAL, "cannot verify a signature");
out:
	bytes_reset(&der);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return r;
}
