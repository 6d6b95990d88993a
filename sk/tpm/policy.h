/* SPDX-License-Identifier: ISC */
/*
 * The digests of policies, as part 3 of the TPM 2.0 Library has the TPM compute
 * them, section 23; all with SHA-256. They are computed here and never asked
 * of a TPM: a trial session goes by what the TPM has just then, and where its
 * SHA-256 bank is not allocated, PolicyPCR yields a policy that binds to
 * nothing. No TSS header is needed, as a CA has no TPM.
 *
 * Each function extends `policy` in place by one command. It starts as zeros,
 * as in a new session. On failure it is unchanged. 0, FAIL_MEMORY or
 * FAIL_INTERNAL.
 */
#ifndef SKTPM_POLICY_H
#define SKTPM_POLICY_H

#include "base/sha256.h"

#define POLICY_LEN SHA256_LEN

/* Bit n of `pcrs` is PCR n, 0..23; `values` is the SHA-256 of their values. */
int policy_pcr(uint8_t policy[POLICY_LEN], uint32_t pcrs,
    const uint8_t values[SHA256_LEN]) MUST_CHECK;

int policy_auth_value(uint8_t policy[POLICY_LEN]) MUST_CHECK;

/*
 * The authorization of the object with this Name, for `ref`. PolicyTicket with
 * a ticket of it comes to the same.
 */
int policy_secret(
    uint8_t policy[POLICY_LEN], struct slice name, struct slice ref) MUST_CHECK;

/* The policy so far, or another one, which comes first. */
int policy_or(
    uint8_t policy[POLICY_LEN], const uint8_t other[POLICY_LEN]) MUST_CHECK;

/*
 * How commands and policies name PCRs: the bits of the three bytes of
 * pcrSelect in a TPMS_PCR_SELECTION (part 2, 10.6.2).
 */
#define POLICY_PCR_SELECT_LEN 3
void policy_pcr_select(uint32_t pcrs, uint8_t ret[POLICY_PCR_SELECT_LEN]);

#endif
