/* SPDX-License-Identifier: ISC */
/*
 * ECDSA on the curve P-256: public points, signatures and their verification.
 * Numbers are big-endian and padded in front.
 */
#ifndef SKTPM_P256_H
#define SKTPM_P256_H

#include "base/bytes.h"
#include "base/sha256.h"

struct ec_point {
	uint8_t x[32], y[32];
};

struct evp_pkey_st; /* EVP_PKEY */

struct ec_signature {
	uint8_t r[32], s[32];
};

#define P256_POINT_LEN 65

/* The point uncompressed: 0x04, X, Y. */
void p256_encode_point(
    const struct ec_point *point, uint8_t ret[P256_POINT_LEN]);

/* The signature as DER ECDSA-Sig-Value. 0, FAIL_MEMORY or FAIL_INTERNAL. */
int p256_signature_der(
    const struct ec_signature *sig, struct bytes *ret) MUST_CHECK;

/*
 * The public key for OpenSSL, the caller's to free with EVP_PKEY_free. 0;
 * FAIL_FORGED if the point is not on the curve; FAIL_MEMORY.
 */
int p256_pkey(
    const struct ec_point *point, struct evp_pkey_st **ret) MUST_CHECK;

/*
 * 0 if the signature of this digest is by the key with this point; FAIL_FORGED
 * if not, or if the point is not on the curve; FAIL_MEMORY, FAIL_INTERNAL.
 */
int p256_verify(const struct ec_point *point, const uint8_t digest[SHA256_LEN],
    const struct ec_signature *sig) MUST_CHECK;

#endif
