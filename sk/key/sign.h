/* SPDX-License-Identifier: ISC */
/*
 * A signature by a key of ours, by the shortest way that the key allows.
 */
#ifndef SKTPM_SIGN_H
#define SKTPM_SIGN_H

#include "key/key.h"

/*
 * Loads the key, signs the digest and lets the key go. A key with a PIN needs
 * its auth_value, which crosses the bus only as an HMAC that guessing cannot
 * use; others need it empty. The signature is not yet verified.
 * 0; FAIL_HANDLE; FAIL_WRONG_PIN, which has cost a try; FAIL_FORGED;
 * FAIL_PARENT where the parent has a password; what parent_find and tpm_fail
 * give.
 */
int key_sign(struct tpm *tpm, const struct checked_key *key,
    struct slice auth_value, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret) MUST_CHECK;

#endif
