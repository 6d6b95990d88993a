/* SPDX-License-Identifier: ISC */
/*
 * A key of ours in the TPM: loaded under its parent, wherever that is.
 */
#ifndef SKTPM_LOAD_H
#define SKTPM_LOAD_H

#include "key/key.h"
#include "key/parent.h"

/* A key that can be used. */
struct loaded_key {
	ESYS_TR object;
	ESYS_TR session; /* to use it with; or ESYS_TR_PASSWORD */
	bool persistent; /* the object is a copy that stays in the TPM */
};

/*
 * Loads an object of ours from its two areas, as a key handle has them;
 * `session` authorizes the parent. 0; FAIL_HANDLE; FAIL_PARENT where the parent
 * has a password; what tpm_fail gives.
 */
int load_object(struct tpm *tpm, const struct parent *parent, ESYS_TR session,
    const struct bytes *public, const struct bytes *private,
    ESYS_TR *ret) MUST_CHECK;

/*
 * Loads the key. The answer in a session that is salted to the parent shows
 * that the real one is there. *ret_key is the caller's to flush. 0;
 * FAIL_HANDLE; FAIL_PARENT where the parent has a password; what tpm_fail
 * gives.
 */
int load_under(struct tpm *tpm, const struct checked_key *key,
    const struct parent *parent, ESYS_TR session, ESYS_TR *ret_key) MUST_CHECK;

/*
 * The same by TPM handles, without ESYS, under a parent with no password: for a
 * key that is used without a secret. *ret is the caller's to end with
 * bare_flush_last.
 */
int load_bare(struct tpm *tpm, const struct handle *h, uint32_t parent,
    uint32_t *ret) MUST_CHECK;

/*
 * Loads the key under the parent that parent_find finds; `seen` as for
 * parent_find_beyond. A key with a PIN gets a session salted to the parent, and
 * is not loaded where it has a persistent copy. Either way an answer in that
 * session has shown that the real TPM is there, before anything made of the PIN
 * is sent. The caller ends *ret with load_end. As load_under and parent_find.
 */
int load_key(struct tpm *tpm, const struct checked_key *key,
    enum parent_state seen, struct loaded_key *ret) MUST_CHECK;

/* Forgets its authValue, ends its session and lets it go. */
void load_end(struct tpm *tpm, struct loaded_key *key);

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
