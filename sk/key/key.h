/* SPDX-License-Identifier: ISC */
/*
 * Our keys: check one, create one, change its authValue. A key handle goes in
 * and out; no key stays in the TPM. load.h loads a key, and sign.h signs.
 */
#ifndef SKTPM_KEY_H
#define SKTPM_KEY_H

#include "base/p256.h"
#include "key/handle.h"
#include "key/parent.h"
#include "tpm/tpm.h"

/*
 * A key handle whose public area is exactly one of ours, made with the handle's
 * bound entries, and the point in it. key_check alone makes one; `handle` is
 * borrowed, and must not change.
 */
struct checked_key {
	const struct handle *handle;
	struct ec_point point;
};

/* What a new key is to be like. */
struct key_wishes {
	uint32_t parent;	 /* persistent handle; 0: the SRK */
	struct slice auth_value; /* of a PIN; empty: no authorization */
	uint8_t pin_salt[HANDLE_SALT_LEN]; /* that it was made with */
	uint32_t pin_lifetime;		   /* seconds, with a PIN; 0: none */
	uint8_t application[32];	   /* SHA-256 of the one it is for */
	bool presence;			   /* each use needs a person's */
	uint32_t pcrs;			   /* it depends on, as they are now */
	const struct limits *limits;
};

/*
 * What a key was made or changed with, for the proof that it works: its parent,
 * and for a key with a PIN the session, which has shown that the parent is the
 * real one. From KEY_TOOLS_NONE to key_tools_end.
 */
struct key_tools {
	struct parent parent;
	ESYS_TR session;
};

#define KEY_TOOLS_NONE                                       \
	{                                                    \
		{ .object = ESYS_TR_NONE }, ESYS_TR_PASSWORD \
	}

void key_tools_end(struct tpm *tpm, struct key_tools *tools);

/*
 * Creates an ECDSA P-256 key. *ret_handle is the caller's to handle_reset, and
 * *ret_key borrows it. 0; FAIL_FORGED for another key than was asked for;
 * FAIL_PARENT where the parent has a password; FAIL_MEMORY or what
 * parent_for_new, pcr_read_for_key and tpm_fail give.
 */
int key_create(struct tpm *tpm, const struct key_wishes *wishes,
    struct key_tools *tools, struct handle *ret_handle,
    struct checked_key *ret_key) MUST_CHECK;

/*
 * Checks a key handle; needs no TPM. 0; FAIL_HANDLE; FAIL_VERSION for
 * conditions that we cannot meet; FAIL_MEMORY or FAIL_INTERNAL.
 */
int key_check(const struct handle *h, struct checked_key *ret) MUST_CHECK;

/*
 * Changes the authValue of a key, which is empty where it has no PIN:
 * *ret_private is its new private area, or that of its PIN object. The TPM goes
 * on loading the old one, with the old authValue, wherever a copy of it is. 0;
 * FAIL_WRONG_PIN, which has cost a try; as key_sign.
 */
int key_change_auth(struct tpm *tpm, const struct checked_key *key,
    struct slice old_auth, struct slice new_auth, struct key_tools *tools,
    struct bytes *ret_private) MUST_CHECK;

#endif
