/* SPDX-License-Identifier: ISC */
/*
 * The FIDO side of a key: what is signed, and the attestation of a new key.
 * Only computations, no TPM. Sources: PROTOCOL.u2f of OpenSSH; WebAuthn
 * level 2, sections 6.1 (authenticator data) and 8.2 (packed attestation).
 */
#ifndef SKTPM_FIDO_H
#define SKTPM_FIDO_H

#include "base/bytes.h"

#define FIDO_DIGEST_LEN 32
#define FIDO_POINT_LEN 65

/* The flags byte of signatures and authenticator data. */
#define FIDO_FLAG_UP 0x01 /* a person was present */
#define FIDO_FLAG_UV 0x04 /* and was verified */
#define FIDO_FLAG_AT 0x40 /* attested credential data follow */

/* P-256 numbers, big-endian, padded in front. */
struct ec_point {
	uint8_t x[32], y[32];
};

struct ec_signature {
	uint8_t r[32], s[32];
};

/* Every counter we sign: zero, FIDO's "this authenticator does not count". */
#define FIDO_COUNTER 0

/* SHA-256 of the application. 0 or FAIL_INTERNAL. */
int fido_application_hash(
    const char *application, uint8_t ret[FIDO_DIGEST_LEN]) MUST_CHECK;

/* What an assertion signs. 0 or FAIL_INTERNAL. */
int fido_assertion_digest(const char *application, uint8_t flags,
    struct slice message, uint8_t ret_digest[FIDO_DIGEST_LEN]) MUST_CHECK;

/*
 * Authenticator data of a new credential, not yet wrapped in CBOR. `flags`
 * are UP and UV as they were had; AT is added.
 * 0, FAIL_MEMORY, FAIL_INTERNAL or FAIL_ARGUMENT (handle over 65,535 bytes).
 */
int fido_authenticator_data(const char *application, uint8_t flags,
    struct slice key_handle, const struct ec_point *point,
    struct bytes *ret) MUST_CHECK;

/* authdata as the CBOR byte string that OpenSSH passes on. */
int fido_wrap_authdata(struct slice authdata, struct bytes *ret) MUST_CHECK;

/* What a packed self attestation signs. 0, FAIL_MEMORY or FAIL_INTERNAL. */
int fido_attestation_digest(struct slice authdata, struct slice challenge,
    uint8_t ret_digest[FIDO_DIGEST_LEN]) MUST_CHECK;

/* The signature as DER ECDSA-Sig-Value. 0, FAIL_MEMORY or FAIL_INTERNAL. */
int fido_signature_der(
    const struct ec_signature *sig, struct bytes *ret) MUST_CHECK;

/* The point uncompressed: 0x04, X, Y. */
void fido_point_encode(
    const struct ec_point *point, uint8_t ret[FIDO_POINT_LEN]);

/*
 * 0 if sig is point's over digest, FAIL_FORGED if not (a point off the
 * curve included), or FAIL_MEMORY, FAIL_INTERNAL.
 */
int fido_verify(const struct ec_point *point,
    const uint8_t digest[FIDO_DIGEST_LEN],
    const struct ec_signature *sig) MUST_CHECK;

#endif
