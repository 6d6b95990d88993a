/* SPDX-License-Identifier: ISC */
/*
 * The conditions under which a TPM lets a key sign, as policies, computed from
 * the bound entries of its handle. PROTOCOL.md, 1.2, has the table. No TSS
 * header is needed.
 */
#ifndef SKTPM_CONDITIONS_H
#define SKTPM_CONDITIONS_H

#include "key/handle.h"
#include "tpm/name.h"
#include "tpm/policy.h"

/*
 * Whether only a policy session lets the key sign (userWithAuth is clear). If
 * not, its authValue does.
 */
bool conditions_need_policy(const struct handle *h);

/*
 * SHA-256 of the values that its PCRs have to have. 0, FAIL_MEMORY or
 * FAIL_INTERNAL.
 */
int conditions_pcr_digest(
    const struct handle *h, uint8_t ret[SHA256_LEN]) MUST_CHECK;

/* Name of its PIN object. 0 or FAIL_INTERNAL. */
int conditions_pin_object_name(
    const struct handle *h, uint8_t ret[TPM_NAME_LEN]) MUST_CHECK;

/*
 * What a policy session has to have come to, but for the PolicyOR at its end.
 * 0, FAIL_MEMORY or FAIL_INTERNAL.
 */
int conditions_met(const struct handle *h, uint8_t ret[POLICY_LEN]) MUST_CHECK;

/* authPolicy of the key. 0, FAIL_MEMORY or FAIL_INTERNAL. */
int conditions_auth_policy(
    const struct handle *h, uint8_t ret[POLICY_LEN]) MUST_CHECK;

#endif
