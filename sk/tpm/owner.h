/* SPDX-License-Identifier: ISC */
/*
 * The owner hierarchy's password. It crosses the bus only as an HMAC, in a
 * session salted to a key of this TPM.
 */
#ifndef SKTPM_OWNER_H
#define SKTPM_OWNER_H

#include "tpm/tpm.h"

/* Whether the owner hierarchy has a password. 0 or what tpm_fail gives. */
int owner_has_password(struct tpm *tpm, bool *ret) MUST_CHECK;

/*
 * The authorization of commands for the owner: a session salted to `salt_key`,
 * or ESYS_TR_PASSWORD where the password is empty. The caller ends *ret with
 * owner_end_session, on failure too.
 * 0; FAIL_OWNER_PASSWORD for a password too long to be it; what tpm_fail gives.
 */
int owner_start_session(struct tpm *tpm, struct slice password,
    ESYS_TR salt_key, ESYS_TR *ret) MUST_CHECK;

/*
 * The same, but always a session: its HMACs cover the Names of what a command
 * is about, and the TPM compares them.
 */
int owner_start_covering_session(struct tpm *tpm, struct slice password,
    ESYS_TR salt_key, ESYS_TR *ret) MUST_CHECK;

/* The same as the first, salted to a key of the null hierarchy that is made for
 * it. */
int owner_start_session_by_null_key(
    struct tpm *tpm, struct slice password, ESYS_TR *ret) MUST_CHECK;

/* Ends the session, or none, and forgets the password. */
void owner_end_session(struct tpm *tpm, ESYS_TR *session);

#endif
