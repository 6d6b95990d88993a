/* SPDX-License-Identifier: ISC */
/*
 * A key of ours in the TPM, by ESYS: loaded under its parent, wherever that is.
 */
#ifndef SKTPM_LOAD_H
#define SKTPM_LOAD_H

#include "key/key.h"
#include "key/parent.h"

/*
 * Loads an object of ours from its two areas, as a key handle has them;
 * `session` authorizes the parent. 0; FAIL_HANDLE; FAIL_PARENT where the parent
 * has a password; what tpm_fail gives.
 */
int load_object(struct tpm *tpm, const struct parent *parent, ESYS_TR session,
    const struct bytes *public, const struct bytes *private,
    ESYS_TR *ret) MUST_CHECK;

/*
 * Loads the key. For a key with a PIN, *ret_session is a session that has
 * loaded it: its answer has shown that the real parent is there before
 * anything made of the PIN is sent. Else it is ESYS_TR_PASSWORD. Both are the
 * caller's to flush. 0; FAIL_HANDLE; FAIL_PARENT where the parent has a
 * password; what tpm_fail gives.
 */
int load_under(struct tpm *tpm, const struct checked_key *key,
    const struct parent *parent, ESYS_TR *ret_key,
    ESYS_TR *ret_session) MUST_CHECK;

/*
 * The same in a session that has been used before, with this parent, or with
 * ESYS_TR_PASSWORD. The session stays.
 */
int load_in_session(struct tpm *tpm, const struct checked_key *key,
    const struct parent *parent, ESYS_TR session, ESYS_TR *ret_key) MUST_CHECK;

/* The same under the parent that parent_find finds, which also has `seen`. */
int load_key(struct tpm *tpm, const struct checked_key *key,
    enum parent_state seen, ESYS_TR *ret_key, ESYS_TR *ret_session) MUST_CHECK;

/*
 * Whether this TPM can load the key; needs no PIN. 0 or why not, as load_key.
 */
int key_try_load(struct tpm *tpm, const struct checked_key *key) MUST_CHECK;

/*
 * What it means that the TPM does not load a key, or refuses to use a loaded
 * one: fail() for that. `session` authorized the command.
 */
int load_fail(TSS2_RC rc, ESYS_TR session) MUST_CHECK;
int load_use_fail(TSS2_RC rc, ESYS_TR session) MUST_CHECK;

#endif
