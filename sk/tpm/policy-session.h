/* SPDX-License-Identifier: ISC */
/*
 * Policy sessions: what a TPM wants to be shown before it uses a key that its
 * policy guards. policy.h computes the same in software. Each function sends
 * one command, by the session's TPM handle, and returns tpm2-tss's code for
 * tpm_fail.
 */
#ifndef SKTPM_POLICY_SESSION_H
#define SKTPM_POLICY_SESSION_H

#include "tpm/policy.h"
#include "tpm/tpm.h"

/*
 * Starts one that is neither salted nor bound, for policies that need no
 * secret. *ret is the caller's to end with bare_flush_last, unless a command
 * ended it. One with a secret is of session.h.
 */
TSS2_RC policy_session_start(struct tpm *tpm, uint32_t *ret) MUST_CHECK;

/* Back to what it was when it was started. */
TSS2_RC policy_session_restart(struct tpm *tpm, uint32_t session) MUST_CHECK;

/*
 * PolicyPCR with the SHA-256 of the values that the PCRs have to have:
 * TPM2_RC_VALUE where they have others.
 */
TSS2_RC policy_session_pcr(struct tpm *tpm, uint32_t session, uint32_t pcrs,
    const uint8_t values[SHA256_LEN]) MUST_CHECK;

/* PolicyOR of two, one of which the session has come to. */
TSS2_RC policy_session_or(struct tpm *tpm, uint32_t session,
    const uint8_t first[POLICY_LEN],
    const uint8_t second[POLICY_LEN]) MUST_CHECK;

#endif
