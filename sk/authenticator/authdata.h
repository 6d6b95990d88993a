/* SPDX-License-Identifier: ISC */
/*
 * The FIDO side of a key: what is signed, and the attestation of a new key.
 * Only computations, no TPM. Sources: PROTOCOL.u2f of OpenSSH; WebAuthn
 * level 2, sections 6.1 (authenticator data) and 8.2 (packed attestation).
 */
#ifndef SKTPM_AUTHDATA_H
#define SKTPM_AUTHDATA_H

#include "base/bytes.h"
#include "base/p256.h"
#include "base/sha256.h"

/* The flags byte of signatures and authenticator data. */
#define FIDO_FLAG_UP 0x01 /* a person was present */
#define FIDO_FLAG_UV 0x04 /* and was verified */
#define FIDO_FLAG_AT 0x40 /* attested credential data follow */

/* Every counter we sign: zero, FIDO's "this authenticator does not count". */
#define FIDO_COUNTER 0

/* What an assertion signs. 0 or FAIL_INTERNAL. */
int fido_assertion_digest(const char *application, uint8_t flags,
    struct slice message, uint8_t ret_digest[SHA256_LEN]) MUST_CHECK;

/*
 * Authenticator data of a new credential, not yet wrapped in CBOR. `flags` may
 * have UP and UV; AT is added. 0, FAIL_MEMORY, FAIL_INTERNAL or FAIL_ARGUMENT
 * (handle over 65,535 bytes).
 */
int fido_authenticator_data(const char *application, uint8_t flags,
    struct slice key_handle, const struct ec_point *point,
    struct bytes *ret) MUST_CHECK;

/* authdata as the CBOR byte string that OpenSSH passes on. */
int fido_wrap_authdata(struct slice authdata, struct bytes *ret) MUST_CHECK;

/* What a packed self attestation signs. 0, FAIL_MEMORY or FAIL_INTERNAL. */
int fido_attestation_digest(struct slice authdata, struct slice challenge,
    uint8_t ret_digest[SHA256_LEN]) MUST_CHECK;

#endif
