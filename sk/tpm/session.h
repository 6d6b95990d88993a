/* SPDX-License-Identifier: ISC */
/*
 * Authorization sessions: HMAC, salted to a key, not bound, with AES-128-CFB
 * for parameters. Only a salt keeps whoever watches the bus from guessing a PIN
 * or password offline, and only the TPM with that key can read the salt. So the
 * key's Name must have been checked before.
 */
#ifndef SKTPM_SESSION_H
#define SKTPM_SESSION_H

#include "tpm/tpm.h"

/*
 * Starts a session in *ret. Its first answer proves that whoever answers has
 * the private part of `salt_key`: use it for something without a secret first.
 * 0 or what tpm_fail gives.
 */
int session_start(struct tpm *tpm, ESYS_TR salt_key, ESYS_TR *ret) MUST_CHECK;

/*
 * The same for a policy session. One that does not authorize a command may go
 * with it all the same, for that first answer: see session_encrypt_answer.
 */
int session_start_policy(
    struct tpm *tpm, ESYS_TR salt_key, ESYS_TR *ret) MUST_CHECK;

/*
 * PolicyAuthValue: what the session authorizes needs an HMAC with the object's
 * authValue. 0 or what tpm_fail gives.
 */
int session_policy_auth_value(struct tpm *tpm, ESYS_TR session) MUST_CHECK;

/* Gives tpm2-tss the authValue of an object, to use in sessions. */
int session_set_auth(
    struct tpm *tpm, ESYS_TR object, struct slice auth_value) MUST_CHECK;

/*
 * Wipes an authValue that was given so: tpm2-tss keeps it with the object, and
 * does not wipe it before it frees that. After the object's last use.
 */
void session_forget_auth(struct tpm *tpm, ESYS_TR object);

/*
 * Fills what tpm2-tss has as the object's authValue with one byte, as long as
 * it can be. Not zero where that has to be used: tpm2-tss 4 drops zeros.
 */
void session_overwrite_auth(struct tpm *tpm, ESYS_TR object, uint8_t with);

/*
 * Ends a session that commands were authorized with, and sets it to
 * ESYS_TR_NONE; leaves ESYS_TR_PASSWORD, which stands for none.
 */
void session_end(struct tpm *tpm, ESYS_TR *session);

/* Has the next command's first parameter encrypted. */
int session_encrypt(struct tpm *tpm, ESYS_TR session) MUST_CHECK;

/* Has the first parameter of each answer encrypted, up to the session's last.
 */
int session_encrypt_answer(struct tpm *tpm, ESYS_TR session) MUST_CHECK;

/* Has every command and answer that the session goes with checked by it. */
int session_audit(struct tpm *tpm, ESYS_TR session) MUST_CHECK;

/* Has the TPM end the session with the next command, where that succeeds. */
int session_end_with_next(struct tpm *tpm, ESYS_TR session) MUST_CHECK;

#endif
