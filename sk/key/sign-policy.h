/* SPDX-License-Identifier: ISC */
/* Signatures of keys that sign in a policy session alone; see conditions.h. */
#ifndef SKTPM_SIGN_POLICY_H
#define SKTPM_SIGN_POLICY_H

#include "key/key.h"

/* key_sign for such a key. */
int sign_by_policy(struct tpm *tpm, const struct checked_key *key,
    struct slice auth_value, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret) MUST_CHECK;

/*
 * Shows the policy session, by its TPM handle, the PCRs that the key depends
 * on; sends nothing where it depends on none. 0; FAIL_BOOT_STATE where they
 * differ, as boot_state_check says it; what tpm_fail gives.
 */
int sign_meet_pcrs(
    struct tpm *tpm, const struct handle *h, uint32_t session) MUST_CHECK;

/*
 * How often to meet the conditions again where PCRs, any of them, were extended
 * meanwhile: Linux does it for each file that IMA measures. Few times, as that
 * does not go on for long.
 */
#define SIGN_MAX_PCR_CHANGES 8

#endif
