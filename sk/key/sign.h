/* SPDX-License-Identifier: ISC */
/*
 * A signature by a key of ours, by the shortest way that the key allows.
 */
#ifndef SKTPM_SIGN_H
#define SKTPM_SIGN_H

#include "key/key.h"

/*
 * TPM2_Sign by ESYS. *ret is the caller's to Esys_Free. tpm2-tss's code, for
 * load_use_fail.
 */
TSS2_RC sign_digest(struct tpm *tpm, ESYS_TR object, ESYS_TR session,
    const uint8_t digest[SHA256_LEN], TPMT_SIGNATURE **ret) MUST_CHECK;

/* The two numbers of a signature. 0, or FAIL_FORGED for another kind of it. */
int sign_read(const TPMT_SIGNATURE *sig, struct ec_signature *ret) MUST_CHECK;

/*
 * Loads the key, signs the digest and lets the key go. A key with a PIN needs
 * its auth_value, which crosses the bus only as an HMAC that guessing cannot
 * use; others need it empty. The signature is not yet verified.
 * 0; FAIL_HANDLE; FAIL_WRONG_PIN, which has cost a try; FAIL_FORGED;
 * FAIL_BOOT_STATE, as boot_state_check says it, before the PIN is used;
 * FAIL_PARENT where the parent has a password; what parent_find and tpm_fail
 * give.
 */
int key_sign(struct tpm *tpm, const struct checked_key *key,
    struct slice auth_value, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret) MUST_CHECK;

/*
 * The first signature of a key that was made or changed with *tools, which are
 * of no more use then. As key_sign; no try of the PIN is counted first.
 */
int key_prove(struct tpm *tpm, const struct checked_key *key,
    struct key_tools *tools, struct slice auth_value,
    const uint8_t digest[SHA256_LEN], struct ec_signature *ret) MUST_CHECK;

#endif
