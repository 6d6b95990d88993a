/* SPDX-License-Identifier: ISC */
/*
 * The authorization session of a PIN: HMAC, salted to the parent key, not
 * bound, with AES-128-CFB for parameters. Only a salt keeps whoever watches
 * the bus from guessing the PIN offline, and only the right parent can read
 * the salt; so the parent's Name must have been checked before.
 */
#ifndef SKTPM_SESSION_H
#define SKTPM_SESSION_H

#include "key/parent.h"

/*
 * Starts a session in *ret. Its first answer proves that whoever answers has
 * the parent's private key: use it for something without a secret first.
 * 0 or what tpm_fail gives.
 */
int session_start(
    struct tpm *tpm, const struct parent *parent, ESYS_TR *ret) MUST_CHECK;

/* Gives tpm2-tss the authValue of an object, to use in sessions. */
int session_set_auth(
    struct tpm *tpm, ESYS_TR object, struct slice auth_value) MUST_CHECK;

/* The same for the owner; FAIL_OWNER_PASSWORD for one too long to be it. */
int session_set_owner_auth(struct tpm *tpm, struct slice password) MUST_CHECK;

/*
 * Wipes an authValue that was given so: tpm2-tss keeps it with the object, and
 * does not wipe it before it frees that. After the object's last use.
 */
void session_forget_auth(struct tpm *tpm, ESYS_TR object);

/*
 * Ends a session that commands were authorized with, and sets it to
 * ESYS_TR_NONE; leaves ESYS_TR_PASSWORD, which stands for none.
 */
void session_end(struct tpm *tpm, ESYS_TR *session);

/* Ends the owner's session, or none, and forgets the password. */
void session_end_owner(struct tpm *tpm, ESYS_TR *session);

/* Has the next command's first parameter encrypted. */
int session_encrypt(struct tpm *tpm, ESYS_TR session) MUST_CHECK;

/* Has the TPM end the session with the next command, where that succeeds. */
int session_end_with_next(struct tpm *tpm, ESYS_TR session) MUST_CHECK;

#endif
