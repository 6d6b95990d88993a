/* SPDX-License-Identifier: ISC */
/*
 * Resident keys: their records in the TPM's NV memory, one index each
 * (tpm/nv.h).
 *
 * Reading needs no authorization; storing and removing need the owner's. A
 * record is written in pieces, and then locked. Until it is locked, the index
 * is no key, but unfinished: another process is writing it, or was killed.
 * Which of both cannot be told, so unfinished ones stay until their room is
 * needed; whoever was still writing then makes the index anew.
 */
#ifndef SKTPM_RESIDENT_H
#define SKTPM_RESIDENT_H

#include "key/resident-record.h"
#include "tpm/nv.h"

#define RESIDENT_FIRST NV_FIRST
#define RESIDENT_LAST NV_LAST

struct resident_key {
	uint32_t index;
	size_t size;	      /* of the record, in bytes of NV */
	int error;	      /* 0, FAIL_UNFINISHED, or why it is unreadable */
	uint8_t digest[32];   /* SHA-256 of what it holds; zeros if unread */
	struct record record; /* empty where it cannot be read */
};

struct resident_keys {
	struct resident_key *keys; /* in order of their indices */
	size_t n;
};

/*
 * All resident keys, only the highest generation of each; records that are
 * unfinished or cannot be read have `error`. The caller ends *ret with
 * resident_keys_reset. 0, FAIL_MEMORY, FAIL_FORGED or what tpm_fail gives.
 */
int resident_list(struct tpm *tpm, struct resident_keys *ret) MUST_CHECK;

/*
 * The key at `index`, of whatever generation; nothing else is read. 0,
 * FAIL_ARGUMENT if there is none, or as resident_list. The caller ends *ret
 * with resident_key_reset.
 */
int resident_find(
    struct tpm *tpm, uint32_t index, struct resident_key *ret) MUST_CHECK;

/*
 * Everything that is there, read once for all that a connection has to do with
 * it: all generations.
 */
struct resident_listing {
	struct nv_slots slots;
	struct resident_keys keys;
};

/* As resident_list. The caller ends *ret with resident_listing_reset. */
int resident_read(struct tpm *tpm, struct resident_listing *ret) MUST_CHECK;

/* Whether there is none of this application and user. 0 or FAIL_EXISTS. */
int resident_check_free(
    const struct resident_listing *l, const struct record *rec) MUST_CHECK;

/*
 * Stores a record, whose generation it sets, and then removes the ones that it
 * replaces, those of the same key in the listing, after the persistent copies
 * of other keys that these name. Where NV is full, it removes unfinished ones
 * first. The listing is of no use then.
 *
 * `owner_auth` is the owner hierarchy's password, or empty. It crosses the bus
 * only as an HMAC, in a session salted to the parent that the record's key
 * handle names. The record is what the TPM says it is, so whoever alters that
 * can guess the password; who only listens cannot.
 *
 * 0; FAIL_OWNER_PASSWORD if the hierarchy has another password; FAIL_NV_FULL;
 * FAIL_ARGUMENT (record too long); FAIL_MEMORY, FAIL_FORGED or what tpm_fail
 * gives.
 */
int resident_store(struct tpm *tpm, struct resident_listing *l,
    struct record *rec, struct slice owner_auth,
    uint32_t *ret_index) MUST_CHECK;

/*
 * The same, in the place of a key that was found before, which is of the same
 * application and user. FAIL_ARGUMENT if that is not there any more as it was,
 * or has a newer generation.
 */
int resident_replace(struct tpm *tpm, const struct resident_key *old,
    struct record *rec, struct slice owner_auth) MUST_CHECK;

/*
 * Removes a key that was found before, all its generations, after the
 * persistent copies that these name; also one that is unfinished. FAIL_ARGUMENT
 * if another is at its index now, or a newer generation of it is elsewhere;
 * else as resident_store.
 */
int resident_remove(struct tpm *tpm, const struct resident_key *key,
    struct slice owner_auth) MUST_CHECK;

/*
 * The same of whatever is at `index`, where the owner has no password: *ret is
 * what it was. FAIL_ARGUMENT also if nothing is there.
 */
int resident_remove_at(
    struct tpm *tpm, uint32_t index, struct resident_key *ret) MUST_CHECK;

void resident_key_reset(struct resident_key *key);

void resident_keys_reset(struct resident_keys *keys);

void resident_listing_reset(struct tpm *tpm, struct resident_listing *l);

#endif
