/* SPDX-License-Identifier: ISC */
/*
 * The commands of a signature, by TPM handles and without ESYS: for what needs
 * no session with a secret in it. Each is sent as it is and nothing besides,
 * but again where the TPM is busy.
 *
 * They return tpm2-tss's code, for tpm_fail.
 */
#ifndef SKTPM_BARE_H
#define SKTPM_BARE_H

#include "tpm/tpm.h"

/*
 * What authorizes a command. A password crosses the bus as it is. A policy
 * session has met the object's policy already; it sends no HMAC, as it is
 * neither salted nor bound, and ends with the command.
 */
struct bare_auth {
	uint32_t session;      /* TPM2_RS_PW, or a policy session's handle */
	struct slice password; /* with TPM2_RS_PW; may be empty */
};

#define BARE_AUTH_EMPTY ((struct bare_auth){ .session = TPM2_RS_PW })

/*
 * Reads a public area. Needs no authorization and costs nothing, whatever is at
 * that handle. *ret_there is false where there is nothing: that is an answer
 * and no error, and *ret stays untouched.
 */
TSS2_RC bare_read_public(struct tpm *tpm, uint32_t handle, bool *ret_there,
    TPM2B_PUBLIC *ret) MUST_CHECK;

/* Loads a key. *ret is the caller's to end with tpm_flush_handle. */
TSS2_RC bare_load(struct tpm *tpm, uint32_t parent,
    const struct bare_auth *auth, const TPM2B_PRIVATE *private,
    const TPM2B_PUBLIC *public, uint32_t *ret) MUST_CHECK;

/* Signs a SHA-256 digest by the key's own scheme. */
TSS2_RC bare_sign(struct tpm *tpm, uint32_t key, const struct bare_auth *auth,
    const uint8_t digest[32], TPMT_SIGNATURE *ret) MUST_CHECK;

/*
 * Flushes an object or session, which tpm_close is about to end: leaves it to a
 * manager, where there is one.
 */
void bare_flush_last(struct tpm *tpm, uint32_t handle);

#endif
