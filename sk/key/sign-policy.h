/* SPDX-License-Identifier: ISC */
/* Signatures of keys that sign in a policy session alone; see conditions.h. */
#ifndef SKTPM_SIGN_POLICY_H
#define SKTPM_SIGN_POLICY_H

#include "key/key.h"

/* key_sign for such a key. */
int sign_by_policy(struct tpm *tpm, const struct checked_key *key,
    struct slice auth_value, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret) MUST_CHECK;

#endif
