/* SPDX-License-Identifier: ISC */
/*
 * Passwords of hierarchies, the owner's and the endorsement hierarchy's. They
 * cross the bus only as HMACs, in sessions salted to a key of this TPM.
 */
#ifndef SKTPM_HIERARCHY_H
#define SKTPM_HIERARCHY_H

#include "tpm/tpm.h"

/*
 * The authorization of commands for ESYS_TR_RH_OWNER or _ENDORSEMENT: a session
 * salted to `salt_key`, or ESYS_TR_PASSWORD where the password is empty. The
 * caller ends *ret with hierarchy_end_session, on failure too.
 * 0; FAIL_OWNER_PASSWORD or FAIL_ENDORSEMENT_PASSWORD for a password too long
 * to be it; what tpm_fail gives.
 *
 * Where the connection has a guard, that is the session, and no key is needed.
 */
int hierarchy_start_session(struct tpm *tpm, ESYS_TR hierarchy,
    struct slice password, ESYS_TR salt_key, ESYS_TR *ret) MUST_CHECK;

/* The same, salted to a key of the null hierarchy that is made for it. */
int hierarchy_start_session_by_null_key(struct tpm *tpm, ESYS_TR hierarchy,
    struct slice password, ESYS_TR *ret) MUST_CHECK;

/* Ends the session, or none, and forgets the password. */
void hierarchy_end_session(
    struct tpm *tpm, ESYS_TR hierarchy, ESYS_TR *session);

#endif
