/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "key/copy.h"
#include "key/parent.h"
#include "key/resident.h"
#include "tpm/nv.h"
#include "tpm/owner.h"
#include "tpm/session.h"

_Static_assert(RECORD_MAX_LEN <= NV_MAX_LEN, "a record has an index");

/* --- reading ----------------------------------------------------------- */

/*
 * A record that cannot be read is listed as that, and stops no other. 0,
 * NV_GONE or a FAIL_ code.
 */
static int
read_slot(struct tpm *tpm, const struct nv_slot *slot, struct resident_key *ret)
{
	struct bytes data = { 0 };
	int r;

	*ret = (struct resident_key){
		.index = slot->index,
		.size = slot->size,
	};
	if (!slot->whole) {
		ret->error = FAIL_UNFINISHED;
		return 0;
	}
	if ((r = nv_read(tpm, slot, &data)) == 0 &&
	    EVP_Digest(data.data, data.len, ret->digest, NULL, EVP_sha256(),
		NULL) != 1)
		r = fail(FAIL_INTERNAL, "SHA-256 failed");
	if (r == 0)
		r = record_decode(bytes_slice(&data), &ret->record);
	bytes_reset(&data);
	if (r == FAIL_HANDLE || r == FAIL_VERSION || r == FAIL_NAME ||
	    r == FAIL_TPM) {
		ret->error = r;
		r = 0;
	}
	return r;
}

/* Every slot, all generations. */
static int
read_slots(
    struct tpm *tpm, const struct nv_slots *slots, struct resident_keys *ret)
{
	struct resident_keys keys = { 0 };
	int r = 0;

	keys.keys = calloc(slots->n + 1, sizeof(*keys.keys));
	if (keys.keys == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	for (size_t i = 0; i < slots->n && r == 0; i++) {
		r = read_slot(tpm, &slots->slots[i], &keys.keys[keys.n]);
		if (r == 0)
			keys.n++;
		else if (r == NV_GONE)
			r = 0;
	}
	if (r == 0)
		*ret = keys;
	else
		resident_keys_reset(&keys);
	return r;
}

/* True if another record is the newer one of the same key. */
static bool
is_superseded(const struct resident_keys *keys, size_t i)
{
	const struct resident_key *key = &keys->keys[i];

	if (key->error != 0)
		return false;
	for (size_t j = 0; j < keys->n; j++) {
		const struct resident_key *other = &keys->keys[j];

		if (j != i && other->error == 0 &&
		    record_same_key(&other->record, &key->record) &&
		    (other->record.generation > key->record.generation ||
			(other->record.generation == key->record.generation &&
			    j > i)))
			return true;
	}
	return false;
}

int
resident_read(struct tpm *tpm, struct resident_listing *ret)
{
	struct resident_listing l = { 0 };
	int r;

	if ((r = nv_find(tpm, &l.slots)) == 0 &&
	    (r = read_slots(tpm, &l.slots, &l.keys)) == 0)
		*ret = l;
	else
		resident_listing_reset(tpm, &l);
	return r;
}

int
resident_list(struct tpm *tpm, struct resident_keys *ret)
{
	struct resident_listing l = { 0 };
	struct resident_keys keys;
	int r;

	if ((r = resident_read(tpm, &l)) != 0)
		return r;
	keys = l.keys;
	l.keys = (struct resident_keys){ 0 };
	for (size_t i = keys.n; i-- > 0;) {
		if (!is_superseded(&keys, i))
			continue;
		record_reset(&keys.keys[i].record);
		memmove(&keys.keys[i], &keys.keys[i + 1],
		    (keys.n - i - 1) * sizeof(keys.keys[0]));
		keys.n--;
	}
	*ret = keys;
	resident_listing_reset(tpm, &l);
	return 0;
}

/* NULL if there is none. */
static struct resident_key *
key_at(const struct resident_keys *keys, uint32_t index)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->keys[i].index == index)
			return &keys->keys[i];
	return NULL;
}

static int
no_key_at(uint32_t index)
{
	return fail(FAIL_ARGUMENT,
	    "there is no resident key of ours at 0x%08x; sk-tpm list tells "
	    "which there are",
	    index);
}

int
resident_find(struct tpm *tpm, uint32_t index, struct resident_key *ret)
{
	struct nv_slots slots = { 0 };
	int r;

	if ((r = nv_look(tpm, index, &slots)) != 0)
		return r;
	r = slots.n == 0 ? NV_GONE : read_slot(tpm, &slots.slots[0], ret);
	nv_slots_reset(tpm, &slots);
	return r == NV_GONE ? no_key_at(index) : r;
}

/* --- changing ---------------------------------------------------------- */

/*
 * Opens the key that sessions are salted to when the record is changed, see
 * parent_find_salt. A damaged record has to be removable, too.
 */
static int
open_salt_key(struct tpm *tpm, const struct record *rec, struct parent *ret)
{
	struct handle h = { 0 };
	int r;

	r = handle_decode(bytes_slice(&rec->key_handle), &h);
	if (r == 0)
		r = parent_find_salt(tpm, &h, ret);
	else if (r != FAIL_MEMORY && r != FAIL_INTERNAL)
		r = parent_find_salt(tpm, NULL, ret);
	handle_reset(&h);
	return r;
}

/*
 * What authorizes changes: *ret_session is a password session where there is
 * no password; the caller ends it with owner_end_session.
 */
static int
open_owner(struct tpm *tpm, const struct record *rec, struct slice owner_auth,
    ESYS_TR *ret_session)
{
	struct parent salt_key = { .object = ESYS_TR_NONE };
	int r;

	*ret_session = ESYS_TR_PASSWORD;
	if (owner_auth.len == 0)
		return 0;
	if ((r = open_salt_key(tpm, rec, &salt_key)) != 0)
		return r;
	r = owner_start_session(tpm, owner_auth, salt_key.object, ret_session);
	parent_close(tpm, &salt_key);
	return r;
}

/*
 * Removes what is unfinished: what killed processes left, and what others are
 * writing just now, which they will notice. Always in a session, so that the
 * TPM compares the Name: the index may be finished in this very moment, which
 * the TPM tells as a wrong password.
 */
static int
remove_leftovers(struct tpm *tpm, const struct record *rec, ESYS_TR session,
    struct nv_slots *slots)
{
	struct parent salt_key = { .object = ESYS_TR_NONE };
	ESYS_TR own = ESYS_TR_NONE;
	int r = 0;

	if (session == ESYS_TR_PASSWORD) {
		if ((r = open_salt_key(tpm, rec, &salt_key)) == 0)
			r = session_start(tpm, salt_key.object, &own);
		parent_close(tpm, &salt_key);
		session = own;
	}
	for (size_t i = 0; i < slots->n && r == 0; i++) {
		if (slots->slots[i].whole)
			continue;
		r = nv_remove(tpm, session, &slots->slots[i]);
		if (r == FAIL_OWNER_PASSWORD)
			r = 0;
	}
	tpm_flush(tpm, &own);
	return r;
}

/* All records of the key but the one at `except`. */
static int
remove_same(struct tpm *tpm, ESYS_TR session, const struct resident_listing *l,
    const struct record *rec, uint32_t except)
{
	const struct resident_key *key;
	int r = 0;

	for (size_t i = 0; i < l->keys.n && r == 0; i++) {
		key = &l->keys.keys[i];
		if (key->error == 0 && key->index != except &&
		    record_same_key(&key->record, rec))
			r = nv_remove(
			    tpm, session, nv_slot_at(&l->slots, key->index));
	}
	return r;
}

/* As copy_evict, of the copy that a record names; `kept` may be another's. */
static int
evict_copy(struct tpm *tpm, const struct record *rec, const struct record *kept,
    struct slice owner_auth)
{
	struct handle h = { 0 }, other = { 0 };
	int r;

	if ((r = handle_decode(bytes_slice(&rec->key_handle), &h)) != 0)
		return r == FAIL_MEMORY ? r : 0;
	if (h.persistent != 0 &&
	    (kept == NULL ||
		handle_decode(bytes_slice(&kept->key_handle), &other) != 0 ||
		!slice_equal(bytes_slice(&h.tpm_public),
		    bytes_slice(&other.tpm_public))))
		r = copy_evict(tpm, &h, owner_auth, NULL);
	handle_reset(&other);
	handle_reset(&h);
	return r;
}

/*
 * Evicts the copies of all records of the key, but of the one that is kept, if
 * any. Comes before these are removed, or nobody would know of the copies where
 * we are stopped in between.
 */
static int
evict_same(struct tpm *tpm, const struct resident_listing *l,
    const struct record *rec, const struct record *kept,
    struct slice owner_auth)
{
	int r = 0;

	for (size_t i = 0; i < l->keys.n && r == 0; i++) {
		const struct resident_key *key = &l->keys.keys[i];

		if (key->error == 0 && record_same_key(&key->record, rec))
			r = evict_copy(tpm, &key->record, kept, owner_auth);
	}
	return r;
}

static uint64_t
next_generation(const struct resident_keys *keys, const struct record *rec)
{
	uint64_t next = 0;

	for (size_t i = 0; i < keys->n; i++)
		if (keys->keys[i].error == 0 &&
		    record_same_key(&keys->keys[i].record, rec) &&
		    keys->keys[i].record.generation >= next)
			next = keys->keys[i].record.generation + 1;
	return next;
}

/*
 * What cannot be read now may be the record to be replaced. It has to be known,
 * or the new one would have no later generation, and lose against it.
 */
static int
check_all_read(const struct resident_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->keys[i].error == FAIL_TPM)
			return fail(FAIL_TPM,
			    "the TPM does not let the resident key at 0x%08x "
			    "be read, which may be the same",
			    keys->keys[i].index);
	return 0;
}

static bool
has_leftovers(const struct nv_slots *slots)
{
	for (size_t i = 0; i < slots->n; i++)
		if (!slots->slots[i].whole)
			return true;
	return false;
}

/* `not_done` is what becomes of nothing where there is a newer one. */
static int
check_newest(const struct resident_listing *l, const struct resident_key *key,
    const char *not_done)
{
	if (!is_superseded(&l->keys, (size_t)(key - l->keys.keys)))
		return 0;
	return fail(FAIL_ARGUMENT,
	    "there is a newer record of the resident key at 0x%08x; nothing "
	    "was %s",
	    key->index, not_done);
}

/* Whether the key is as it was found, and still the newest of its name. */
static int
check_unchanged(const struct resident_listing *l,
    const struct resident_key *found, const char *not_done)
{
	const struct resident_key *now = key_at(&l->keys, found->index);

	if (now != NULL && now->size == found->size &&
	    now->error == found->error &&
	    memcmp(now->digest, found->digest, sizeof(now->digest)) == 0)
		return check_newest(l, now, not_done);
	return fail(FAIL_ARGUMENT,
	    "the resident key at 0x%08x was changed meanwhile; nothing was %s",
	    found->index, not_done);
}

/* True where another try stored it, and had to end before it was done. */
static bool
is_stored(const struct resident_keys *keys, const struct record *rec)
{
	bool stored = false;

	for (size_t i = 0; i < keys->n; i++)
		stored = stored ||
		    (keys->keys[i].error == 0 &&
			record_same_key(&keys->keys[i].record, rec) &&
			slice_equal(
			    bytes_slice(&keys->keys[i].record.key_handle),
			    bytes_slice(&rec->key_handle)));
	return stored;
}

int
resident_check_free(const struct resident_listing *l, const struct record *rec)
{
	const struct resident_key *key;

	for (size_t i = 0; i < l->keys.n; i++) {
		key = &l->keys.keys[i];
		if (key->error == 0 && record_same_key(&key->record, rec))
			return fail(FAIL_EXISTS,
			    "there is a resident key of this application and "
			    "user already, at 0x%08x",
			    key->index);
	}
	return 0;
}

int
resident_store(struct tpm *tpm, struct resident_listing *l, struct record *rec,
    struct slice owner_auth, uint32_t *ret_index)
{
	ESYS_TR session = ESYS_TR_PASSWORD;
	struct bytes data = { 0 };
	uint32_t index = 0;
	int r;

	rec->generation = next_generation(&l->keys, rec);
	if ((r = check_all_read(&l->keys)) != 0 ||
	    (r = record_encode(rec, &data)) != 0 ||
	    (r = open_owner(tpm, rec, owner_auth, &session)) != 0)
		goto out;
	r = nv_write(tpm, session, &data, &index);
	if (r == FAIL_NV_FULL && has_leftovers(&l->slots) &&
	    (r = remove_leftovers(tpm, rec, session, &l->slots)) == 0)
		r = nv_write(tpm, session, &data, &index);
	/*
	 * The replaced record last, so that whenever we are stopped the old key
	 * or the new one is there.
	 */
	if (r == 0 && (r = evict_same(tpm, l, rec, rec, owner_auth)) == 0 &&
	    (r = remove_same(tpm, session, l, rec, index)) == 0)
		*ret_index = index;
out:
	owner_end_session(tpm, &session);
	bytes_reset(&data);
	return r;
}

int
resident_replace(struct tpm *tpm, const struct resident_key *old,
    struct record *rec, struct slice owner_auth)
{
	struct resident_listing l = { 0 };
	uint32_t index;
	int r;

	if ((r = resident_read(tpm, &l)) != 0)
		return r;
	if (is_stored(&l.keys, rec) ||
	    (r = check_unchanged(&l, old, "written")) == 0)
		r = resident_store(tpm, &l, rec, owner_auth, &index);
	resident_listing_reset(tpm, &l);
	return r;
}

/*
 * Older generations first: whenever we are stopped, the key is there as it was,
 * or gone.
 */
static int
remove_all(struct tpm *tpm, const struct resident_listing *l,
    const struct resident_key *key, struct slice owner_auth)
{
	ESYS_TR session = ESYS_TR_PASSWORD;
	int r;

	if (key->error == 0 &&
	    (r = evict_same(tpm, l, &key->record, NULL, owner_auth)) != 0)
		return r;
	if ((r = open_owner(tpm, &key->record, owner_auth, &session)) == 0 &&
	    (key->error != 0 ||
		(r = remove_same(tpm, session, l, &key->record, key->index)) ==
		    0))
		r = nv_remove(tpm, session, nv_slot_at(&l->slots, key->index));
	owner_end_session(tpm, &session);
	return r;
}

int
resident_remove(
    struct tpm *tpm, const struct resident_key *key, struct slice owner_auth)
{
	struct resident_listing l = { 0 };
	int r;

	if ((r = resident_read(tpm, &l)) != 0)
		return r;
	if ((r = check_unchanged(&l, key, "removed")) == 0)
		r = remove_all(
		    tpm, &l, key_at(&l.keys, key->index), owner_auth);
	resident_listing_reset(tpm, &l);
	return r;
}

int
resident_remove_at(struct tpm *tpm, uint32_t index, struct resident_key *ret)
{
	struct resident_listing l = { 0 };
	struct resident_key *key;
	int r;

	if ((r = resident_read(tpm, &l)) != 0)
		return r;
	if ((key = key_at(&l.keys, index)) == NULL)
		r = no_key_at(index);
	else if ((r = check_newest(&l, key, "removed")) == 0 &&
	    (r = remove_all(tpm, &l, key, (struct slice){ 0 })) == 0) {
		*ret = *key;
		*key = (struct resident_key){ 0 };
	}
	resident_listing_reset(tpm, &l);
	return r;
}

void
resident_key_reset(struct resident_key *key)
{
	record_reset(&key->record);
	*key = (struct resident_key){ 0 };
}

void
resident_keys_reset(struct resident_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		resident_key_reset(&keys->keys[i]);
	free(keys->keys);
	*keys = (struct resident_keys){ 0 };
}

void
resident_listing_reset(struct tpm *tpm, struct resident_listing *l)
{
	nv_slots_reset(tpm, &l->slots);
	resident_keys_reset(&l->keys);
}
