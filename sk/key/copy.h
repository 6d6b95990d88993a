/* SPDX-License-Identifier: ISC */
/*
 * Persistent copies of our keys in the TPM: a key that has one need not be
 * loaded. The key file stays whole, and signs without it.
 *
 * Whoever may use the TPM may use what is persistent there, so the copy of a
 * key without PIN and PCRs has an authValue at random, which entry 6 of its key
 * handle holds. Of a key with a PIN, it is the PIN's.
 */
#ifndef SKTPM_COPY_H
#define SKTPM_COPY_H

#include "key/handle.h"
#include "tpm/tpm.h"

/* A key at one of our persistent handles, whoever put it there. */
struct persistent_key {
	uint32_t handle;
	struct bytes tpm_public; /* TPM2B_PUBLIC, as a key handle has it */
};

struct persistent_keys {
	struct persistent_key *keys; /* in order of their handles */
	size_t n;
};

/*
 * All of them. The caller ends *ret with persistent_keys_reset. 0, FAIL_MEMORY
 * or what tpm_fail gives.
 */
int copy_list(struct tpm *tpm, struct persistent_keys *ret) MUST_CHECK;

/* What is where a key handle says that there is a copy. */
enum copy_state {
	COPY_UNNAMED, /* it says nothing */
	COPY_THERE,
	COPY_GONE,
	COPY_OTHER, /* another key has its place */
};

/* Looks, with one command. 0 or what tpm_fail gives. */
int copy_look(
    struct tpm *tpm, const struct handle *h, enum copy_state *ret) MUST_CHECK;

/* Whether it is that of the handle: it has the same public area. */
bool copy_is_of(const struct persistent_key *key, const struct handle *h);

/* The same of a public area that the TPM tells. */
bool copy_has_public(const TPM2B_PUBLIC *public, const struct handle *h);

/* Before one is made. 0; FAIL_NV_FULL without a free slot; as tpm_fail. */
int copy_check_room(struct tpm *tpm) MUST_CHECK;

/*
 * Called before the copy is made, with the key handle that is to name it: one
 * that is written down first is never lost, and one without its copy does no
 * harm.
 */
typedef int copy_note(const struct handle *h, void *what);

/*
 * Makes a copy of the key and gives *h its place and, where it needs one, its
 * authValue, both at random; no PIN is needed. The authValue crosses the bus
 * encrypted, in a session salted to the parent. `owner_auth` is the owner
 * hierarchy's password, or empty; it crosses the bus only as an HMAC in such a
 * session. `note` may be NULL.
 * 0; FAIL_UNSUPPORTED for a key with PCRs; FAIL_NV_FULL; FAIL_OWNER_PASSWORD;
 * what key_check, load_under, parent_find and `note` give. After a failure it
 * is evicted again; if it may still be there, as the connection is lost, *h
 * names it.
 */
int copy_make(struct tpm *tpm, struct handle *h, struct slice owner_auth,
    copy_note *note, void *what) MUST_CHECK;

/*
 * Removes all copies of the key at our handles, also ones that the key handle
 * does not name, and nothing else: the TPM itself compares the Name. *ret_n is
 * how many there were; it may be NULL. 0; FAIL_OWNER_PASSWORD; FAIL_MEMORY or
 * what tpm_fail gives.
 */
int copy_evict(struct tpm *tpm, const struct handle *h, struct slice owner_auth,
    unsigned int *ret_n) MUST_CHECK;

/* How many there are. 0; FAIL_MEMORY or what tpm_fail gives. */
int copy_count(
    struct tpm *tpm, const struct handle *h, unsigned int *ret) MUST_CHECK;

/*
 * Removes the key at one of our handles, of which nobody has the key file any
 * more. 0; FAIL_ARGUMENT where there is none; FAIL_OWNER_PASSWORD or what
 * tpm_fail gives.
 */
int copy_evict_at(
    struct tpm *tpm, uint32_t handle, struct slice owner_auth) MUST_CHECK;

void persistent_keys_reset(struct persistent_keys *keys);

#endif
