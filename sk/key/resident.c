/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include <tss2/tss2_mu.h>

#include "base/error.h"
#include "base/log.h"
#include "key/parent.h"
#include "tpm/owner.h"
#include "tpm/primary.h"
#include "key/resident.h"
#include "tpm/capability.h"
#include "tpm/object.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/session.h"

/*
 * Anybody who may speak to the TPM may read, as anybody may read a key file
 * that is not secret; reading with a wrong password is no guess at a secret
 * either (noDA). A record that is whole is locked for good (writeDefine).
 * Part 2, section 13.4 of the TPM 2.0 Library.
 */
#define ATTRIBUTES                                                   \
	(TPMA_NV_OWNERWRITE | TPMA_NV_AUTHREAD | TPMA_NV_OWNERREAD | \
	    TPMA_NV_NO_DA | TPMA_NV_WRITEDEFINE)

/* What becomes of an index after it was defined. */
#define CHANGING ((TPMA_NV)TPMA_NV_WRITTEN | TPMA_NV_WRITELOCKED)

/* A policy that nothing satisfies marks an index as ours, written or not. */
#define MARK "sk-tpm resident key v1"

/* How often a random index may turn out to be taken. */
#define MAX_COLLISIONS 16

/* Another process removed the index meanwhile. Not for our callers. */
#define GONE 1

/* An index of ours, as a listing sees it. */
struct slot {
	uint32_t index;
	uint16_t size;
	bool whole; /* its record was written to the end */
};

struct slots {
	struct slot *slots;
	size_t n;
};

/* --- what is there ----------------------------------------------------- */

static int
make_public(uint32_t index, size_t size, TPM2B_NV_PUBLIC *ret)
{
	TPMS_NV_PUBLIC *nv = &ret->nvPublic;

	*ret = (TPM2B_NV_PUBLIC){ 0 };
	nv->nvIndex = index;
	nv->nameAlg = TPM2_ALG_SHA256;
	nv->attributes = ATTRIBUTES;
	nv->authPolicy.size = 32;
	nv->dataSize = (UINT16)size;
	if (EVP_Digest(MARK, sizeof(MARK), nv->authPolicy.buffer, NULL,
		EVP_sha256(), NULL) != 1)
		return fail(FAIL_INTERNAL, "SHA-256 failed");
	return 0;
}

static int
look_whether_ours(const TPMS_NV_PUBLIC *nv, bool *ret)
{
	TPM2B_NV_PUBLIC ours;
	int r;

	if ((r = make_public(nv->nvIndex, nv->dataSize, &ours)) != 0)
		return r;
	*ret = (nv->attributes & ~CHANGING) == ATTRIBUTES &&
	    nv->nameAlg == ours.nvPublic.nameAlg &&
	    nv->dataSize <= RECORD_MAX_LEN &&
	    nv->authPolicy.size == ours.nvPublic.authPolicy.size &&
	    memcmp(nv->authPolicy.buffer, ours.nvPublic.authPolicy.buffer,
		nv->authPolicy.size) == 0;
	return 0;
}

/* *ret_object is ESYS_TR_NONE if the index went away meanwhile. */
static int
open_index(struct tpm *tpm, uint32_t index, ESYS_TR *ret_object)
{
	return tpm_open_handle(tpm, index, "look at an NV index", ret_object);
}

static int
append_slot(struct slots *slots, const TPMS_NV_PUBLIC *nv)
{
	struct slot *grown;

	grown = realloc(slots->slots, (slots->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	slots->slots = grown;
	slots->slots[slots->n++] = (struct slot){
		.index = nv->nvIndex,
		.size = nv->dataSize,
		.whole = (nv->attributes & CHANGING) == CHANGING,
	};
	return 0;
}

/* Adds the index if it is ours. */
static int
look_at(struct tpm *tpm, uint32_t index, struct slots *slots)
{
	TPM2B_NV_PUBLIC *public = NULL;
	bool ours = false;
	ESYS_TR object;
	TSS2_RC rc;
	int r;

	if ((r = open_index(tpm, index, &object)) != 0 ||
	    object == ESYS_TR_NONE)
		return r;
	rc = TPM_RETRY(Esys_NV_ReadPublic(tpm_esys(tpm), object, ESYS_TR_NONE,
	    ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL));
	if (tpm_rc(rc) == TPM2_RC_HANDLE)
		r = 0; /* it went away meanwhile */
	else if (rc != TSS2_RC_SUCCESS)
		r = tpm_fail(rc, "look at an NV index");
	else if (public->nvPublic.nvIndex != index)
		r = fail(FAIL_FORGED,
		    "asked about the NV index 0x%08x, the TPM tells of another",
		    index);
	else if ((r = look_whether_ours(&public->nvPublic, &ours)) == 0 && ours)
		r = append_slot(slots, &public->nvPublic);
	Esys_Free(public);
	tpm_close_handle(tpm, &object);
	return r;
}

static int
look_at_all(struct tpm *tpm, const TPML_HANDLE *handles, struct slots *slots,
    uint32_t *ret_next)
{
	int r = 0;

	for (uint32_t i = 0; i < handles->count && r == 0; i++) {
		uint32_t index = handles->handle[i];

		if (index < RESIDENT_FIRST || index > RESIDENT_LAST) {
			*ret_next = RESIDENT_LAST + 1;
			return 0;
		}
		/* Ascending, or this would not end. */
		if (index < *ret_next)
			return fail(FAIL_TPM,
			    "the TPM lists its NV indices out of order");
		r = look_at(tpm, index, slots);
		*ret_next = index + 1;
	}
	return r;
}

static int
find_slots(struct tpm *tpm, struct slots *ret)
{
	uint32_t next = RESIDENT_FIRST;
	struct slots slots = { 0 };
	TPMI_YES_NO more = TPM2_YES;
	int r = 0;

	while (r == 0 && more == TPM2_YES && next <= RESIDENT_LAST) {
		TPMS_CAPABILITY_DATA *data;

		if ((r = tpm_capability(tpm, TPM2_CAP_HANDLES, next,
			 TPM2_MAX_CAP_HANDLES, "list its NV indices", &more,
			 &data)) != 0)
			break;
		if (data->data.handles.count == 0)
			more = TPM2_NO;
		else
			r = look_at_all(
			    tpm, &data->data.handles, &slots, &next);
		Esys_Free(data);
	}
	if (r == 0)
		*ret = slots;
	else
		free(slots.slots);
	return r;
}

/* --- reading ----------------------------------------------------------- */

static int
read_chunk(struct tpm *tpm, ESYS_TR object, uint16_t size, uint16_t offset,
    struct bytes *data)
{
	TPM2B_MAX_NV_BUFFER *chunk = NULL;
	TSS2_RC rc;
	int r;

	rc = TPM_RETRY(
	    Esys_NV_Read(tpm_esys(tpm), object, object, ESYS_TR_PASSWORD,
		ESYS_TR_NONE, ESYS_TR_NONE, size, offset, &chunk));
	if (tpm_rc(rc) == TPM2_RC_HANDLE)
		r = GONE;
	else if (tpm_rc(rc) == TPM2_RC_BAD_AUTH ||
	    tpm_rc(rc) == TPM2_RC_AUTH_FAIL)
		r = fail(FAIL_HANDLE, "it has a password, and is none of ours");
	else if (rc != TSS2_RC_SUCCESS)
		r = tpm_fail(rc, "read a resident key");
	else if (chunk->size != size)
		r = fail(FAIL_TPM,
		    "the TPM gave %u bytes of a resident key instead of %u",
		    chunk->size, size);
	else
		r = bytes_append(data, chunk->buffer, size);
	Esys_Free(chunk);
	return r;
}

/* 0, GONE or a FAIL_ code. */
static int
read_index(struct tpm *tpm, const struct slot *slot, struct bytes *ret)
{
	struct tpm_nv_sizes nv;
	ESYS_TR object;
	int r;

	if ((r = tpm_nv_sizes(tpm, &nv)) != 0 ||
	    (r = open_index(tpm, slot->index, &object)) != 0)
		return r;
	if (object == ESYS_TR_NONE)
		return GONE;
	while (r == 0 && ret->len < slot->size) {
		size_t n = slot->size - ret->len;

		if (n > nv.buffer)
			n = nv.buffer;
		r = read_chunk(
		    tpm, object, (uint16_t)n, (uint16_t)ret->len, ret);
	}
	tpm_close_handle(tpm, &object);
	return r;
}

/*
 * A record that cannot be read is listed as that, and stops no other. 0, GONE
 * or a FAIL_ code.
 */
static int
read_slot(struct tpm *tpm, const struct slot *slot, struct resident_key *ret)
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
	if ((r = read_index(tpm, slot, &data)) == 0 &&
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
    struct tpm *tpm, const struct slots *slots, struct resident_keys *ret)
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
		else if (r == GONE)
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

static void
drop_superseded(struct resident_keys *keys)
{
	for (size_t i = keys->n; i-- > 0;) {
		if (!is_superseded(keys, i))
			continue;
		record_reset(&keys->keys[i].record);
		memmove(&keys->keys[i], &keys->keys[i + 1],
		    (keys->n - i - 1) * sizeof(keys->keys[0]));
		keys->n--;
	}
}

int
resident_list(struct tpm *tpm, struct resident_keys *ret)
{
	struct slots slots = { 0 };
	int r;

	if ((r = find_slots(tpm, &slots)) != 0)
		return r;
	if ((r = read_slots(tpm, &slots, ret)) == 0)
		drop_superseded(ret);
	free(slots.slots);
	return r;
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

int
resident_find(struct tpm *tpm, uint32_t index, struct resident_key *ret)
{
	struct resident_keys keys = { 0 };
	struct resident_key *found;
	int r;

	if ((r = resident_list(tpm, &keys)) != 0)
		return r;
	if ((found = key_at(&keys, index)) != NULL) {
		*ret = *found;
		*found = (struct resident_key){ 0 };
	} else {
		r = fail(FAIL_ARGUMENT,
		    "there is no resident key of ours at 0x%08x; sk-tpm list "
		    "tells which there are",
		    index);
	}
	resident_keys_reset(&keys);
	return r;
}

/* --- changing ---------------------------------------------------------- */

static int
owner_fail(TSS2_RC rc, const char *doing)
{
	switch (tpm_rc(rc)) {
	case TPM2_RC_BAD_AUTH:
	case TPM2_RC_AUTH_FAIL:
		return fail(FAIL_OWNER_PASSWORD,
		    "resident keys are kept under the TPM's owner password");
	case TPM2_RC_NV_SPACE:
		return fail(FAIL_NV_FULL,
		    "the TPM's NV memory has no room for another resident "
		    "key");
	default:
		return tpm_fail(rc, doing);
	}
}

/*
 * Opens the key that sessions are salted to when the record is changed: its
 * parent. A damaged record, or another TPM's, has to be removable too: there it
 * is a key of the null hierarchy. *ret is ended with parent_close.
 */
static int
open_salt_key(struct tpm *tpm, const struct record *rec, struct parent *ret)
{
	struct handle h = { 0 };
	int r;

	r = handle_decode(bytes_slice(&rec->key_handle), &h);
	if (r == 0)
		r = parent_find(tpm, h.parent, h.parent_name, ret);
	if (r == FAIL_NOT_OURS || r == FAIL_HANDLE || r == FAIL_VERSION ||
	    r == FAIL_OTHER_TPM || r == FAIL_OWNER_AUTH) {
		*ret = (struct parent){ .object = ESYS_TR_NONE,
			.transient = true };
		r = primary_create_null(tpm, &ret->object);
	}
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

/* What makes an index ours is in its Name, and how far it was written. */
static int
index_name(const struct slot *slot, TPMA_NV written, uint8_t ret[TPM_NAME_LEN])
{
	uint8_t area[sizeof(TPMS_NV_PUBLIC)];
	TPM2B_NV_PUBLIC public;
	size_t len = 0;
	int r;

	if ((r = make_public(slot->index, slot->size, &public)) != 0)
		return r;
	public.nvPublic.attributes |= written;
	if (Tss2_MU_TPMS_NV_PUBLIC_Marshal(
		&public.nvPublic, area, sizeof(area), &len) != TSS2_RC_SUCCESS)
		return fail(FAIL_INTERNAL, "cannot marshal a public area");
	return tpm_compute_name((struct slice){ area, len }, ret);
}

/*
 * An index is removed by its Name, which the HMAC of a session covers: who told
 * us that it is ours may have meant another program's.
 */
static int
check_name(
    struct tpm *tpm, ESYS_TR object, const struct slot *slot, bool *ret_whole)
{
	static const TPMA_NV states[] = { 0, TPMA_NV_WRITTEN,
		TPMA_NV_WRITELOCKED, CHANGING };
	uint8_t expected[TPM_NAME_LEN];
	TPM2B_NAME name;
	int r;

	if ((r = tpm_read_back(tpm, object, &name, NULL)) != 0)
		return r;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if ((r = index_name(slot, states[i], expected)) != 0)
			return r;
		if (name.size == TPM_NAME_LEN &&
		    memcmp(name.name, expected, TPM_NAME_LEN) == 0) {
			*ret_whole = states[i] == CHANGING;
			return 0;
		}
	}
	return fail(FAIL_FORGED,
	    "the NV index 0x%08x is not what the TPM said it is", slot->index);
}

/* A leftover that is whole by now is another process's new key, and stays. */
static int
undefine(struct tpm *tpm, ESYS_TR session, const struct slot *slot)
{
	ESYS_TR object;
	bool whole;
	TSS2_RC rc;
	int r;

	if ((r = open_index(tpm, slot->index, &object)) != 0 ||
	    object == ESYS_TR_NONE)
		return r;
	r = check_name(tpm, object, slot, &whole);
	if (r != 0 || (whole && !slot->whole)) {
		tpm_close_handle(tpm, &object);
		return r;
	}
	rc = TPM_RETRY(Esys_NV_UndefineSpace(tpm_esys(tpm), ESYS_TR_RH_OWNER,
	    object, session, ESYS_TR_NONE, ESYS_TR_NONE));
	if (rc == TSS2_RC_SUCCESS)
		return 0;
	tpm_close_handle(tpm, &object);
	if (tpm_rc(rc) == TPM2_RC_HANDLE)
		return 0;
	return owner_fail(rc, "remove an NV index");
}

/* Whatever it holds. */
static int
undefine_key(struct tpm *tpm, ESYS_TR session, uint32_t index, size_t size)
{
	const struct slot slot = {
		.index = index,
		.size = (uint16_t)size,
		.whole = true,
	};

	return undefine(tpm, session, &slot);
}

static int
random_index(uint32_t *ret)
{
	uint32_t n;

	if (RAND_bytes((uint8_t *)&n, sizeof(n)) != 1)
		return fail(FAIL_INTERNAL, "no random numbers");
	*ret = RESIDENT_FIRST + n % (RESIDENT_LAST - RESIDENT_FIRST + 1);
	return 0;
}

static int
define(struct tpm *tpm, ESYS_TR session, size_t size, uint32_t *ret_index,
    ESYS_TR *ret_object)
{
	const TPM2B_AUTH no_auth = { 0 };
	TPM2B_NV_PUBLIC public;
	uint32_t index = 0;
	TSS2_RC rc;
	int r;

	for (int i = 0; i < MAX_COLLISIONS; i++) {

		if ((r = random_index(&index)) != 0 ||
		    (r = make_public(index, size, &public)) != 0)
			return r;
		rc = TPM_RETRY(Esys_NV_DefineSpace(tpm_esys(tpm),
		    ESYS_TR_RH_OWNER, session, ESYS_TR_NONE, ESYS_TR_NONE,
		    &no_auth, &public, ret_object));
		if (rc == TSS2_RC_SUCCESS) {
			*ret_index = index;
			return 0;
		}
		if (tpm_rc(rc) != TPM2_RC_NV_DEFINED)
			return owner_fail(rc, "define an NV index");
	}
	return fail(FAIL_NV_FULL, "found no free NV index");
}

/* 0, GONE or a FAIL_ code. */
static int
write_chunk(struct tpm *tpm, ESYS_TR session, ESYS_TR object,
    struct slice chunk, size_t offset)
{
	TPM2B_MAX_NV_BUFFER buffer = { .size = (UINT16)chunk.len };
	TSS2_RC rc;

	memcpy(buffer.buffer, chunk.data, chunk.len);
	rc = TPM_RETRY(Esys_NV_Write(tpm_esys(tpm), ESYS_TR_RH_OWNER, object,
	    session, ESYS_TR_NONE, ESYS_TR_NONE, &buffer, (UINT16)offset));
	if (rc == TSS2_RC_SUCCESS)
		return 0;
	return tpm_rc(rc) == TPM2_RC_HANDLE
	    ? GONE
	    : owner_fail(rc, "write a resident key");
}

/* From here on it is a key. 0, GONE or a FAIL_ code. */
static int
lock(struct tpm *tpm, ESYS_TR session, ESYS_TR object)
{
	TSS2_RC rc;

	rc = TPM_RETRY(Esys_NV_WriteLock(tpm_esys(tpm), ESYS_TR_RH_OWNER,
	    object, session, ESYS_TR_NONE, ESYS_TR_NONE));
	if (rc == TSS2_RC_SUCCESS)
		return 0;
	return tpm_rc(rc) == TPM2_RC_HANDLE
	    ? GONE
	    : owner_fail(rc, "finish a resident key");
}

/*
 * Another process may take the index for a leftover before it is locked, when
 * NV is full; then it is made again.
 */
static int
define_and_write(struct tpm *tpm, ESYS_TR session, const struct bytes *data,
    uint32_t *ret_index)
{
	struct tpm_nv_sizes nv;
	int r;

	if ((r = tpm_nv_sizes(tpm, &nv)) != 0)
		return r;
	if (data->len > nv.index)
		return fail(FAIL_ARGUMENT,
		    "a resident key's record would have %zu bytes, and this "
		    "TPM takes %u; shorten its application, user or limits",
		    data->len, nv.index);
	for (int i = 0; i < MAX_COLLISIONS; i++) {
		ESYS_TR object;
		uint32_t index = 0;

		r = define(tpm, session, data->len, &index, &object);
		if (r != 0)
			return r;
		for (size_t at = 0, n; at < data->len && r == 0; at += n) {
			n = data->len - at;
			if (n > nv.buffer)
				n = nv.buffer;
			r = write_chunk(tpm, session, object,
			    (struct slice){ data->data + at, n }, at);
		}
		if (r == 0)
			r = lock(tpm, session, object);
		tpm_close_handle(tpm, &object);
		if (r == 0) {
			*ret_index = index;
			return 0;
		}
		/* It may be there all the same. */
		if (undefine_key(tpm, session, index, data->len) != 0)
			log_debug("0x%08x is left", index);
		if (r != GONE)
			return r;
	}
	return fail(FAIL_NV_FULL,
	    "other programs need the NV memory that a resident key was to "
	    "have");
}

/*
 * Removes what is unfinished: what killed processes left, and what others are
 * writing just now, which they will notice. Always in a session, so that the
 * TPM compares the Name: the index may be finished in this very moment, which
 * the TPM tells as a wrong password.
 */
static int
remove_leftovers(struct tpm *tpm, const struct record *rec, ESYS_TR session,
    const struct slots *slots)
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
		r = undefine(tpm, session, &slots->slots[i]);
		if (r == FAIL_OWNER_PASSWORD)
			r = 0;
	}
	tpm_flush(tpm, &own);
	return r;
}

/* All records of the key but the one at `except`. */
static int
remove_same(struct tpm *tpm, ESYS_TR session, const struct resident_keys *keys,
    const struct record *rec, uint32_t except)
{
	int r = 0;

	for (size_t i = 0; i < keys->n && r == 0; i++)
		if (keys->keys[i].error == 0 && keys->keys[i].index != except &&
		    record_same_key(&keys->keys[i].record, rec))
			r = undefine_key(tpm, session, keys->keys[i].index,
			    keys->keys[i].size);
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
has_leftovers(const struct slots *slots)
{
	for (size_t i = 0; i < slots->n; i++)
		if (!slots->slots[i].whole)
			return true;
	return false;
}

int
resident_store(struct tpm *tpm, struct record *rec, struct slice owner_auth,
    uint32_t *ret_index)
{
	struct resident_keys before = { 0 };
	ESYS_TR session = ESYS_TR_PASSWORD;
	struct slots slots = { 0 };
	struct bytes data = { 0 };
	uint32_t index = 0;
	int r;

	if ((r = open_owner(tpm, rec, owner_auth, &session)) != 0 ||
	    (r = find_slots(tpm, &slots)) != 0 ||
	    (r = read_slots(tpm, &slots, &before)) != 0 ||
	    (r = check_all_read(&before)) != 0)
		goto out;
	rec->generation = next_generation(&before, rec);
	if ((r = record_encode(rec, &data)) != 0)
		goto out;
	r = define_and_write(tpm, session, &data, &index);
	if (r == FAIL_NV_FULL && has_leftovers(&slots) &&
	    (r = remove_leftovers(tpm, rec, session, &slots)) == 0)
		r = define_and_write(tpm, session, &data, &index);
	/*
	 * The replaced record last, so that whenever we are stopped the old key
	 * or the new one is there.
	 */
	if (r != 0 || (r = remove_same(tpm, session, &before, rec, index)) != 0)
		goto out;
	if (ret_index != NULL)
		*ret_index = index;
out:
	owner_end_session(tpm, &session);
	bytes_reset(&data);
	resident_keys_reset(&before);
	free(slots.slots);
	return r;
}

/*
 * Older generations first: whenever we are stopped, the key is there as it
 * was, or gone.
 */
static int
remove_key(struct tpm *tpm, ESYS_TR session, const struct resident_keys *keys,
    const struct resident_key *key)
{
	int r = 0;

	if (key->error == 0)
		r = remove_same(tpm, session, keys, &key->record, key->index);
	return r != 0 ? r : undefine_key(tpm, session, key->index, key->size);
}

int
resident_remove(
    struct tpm *tpm, const struct resident_key *key, struct slice owner_auth)
{
	struct resident_keys keys = { 0 };
	const struct resident_key *now;
	ESYS_TR session = ESYS_TR_PASSWORD;
	struct slots slots = { 0 };
	int r;

	if ((r = find_slots(tpm, &slots)) != 0 ||
	    (r = read_slots(tpm, &slots, &keys)) != 0)
		goto out;
	now = key_at(&keys, key->index);
	if (now == NULL || now->size != key->size || now->error != key->error ||
	    memcmp(now->digest, key->digest, sizeof(now->digest)) != 0 ||
	    is_superseded(&keys, (size_t)(now - keys.keys))) {
		r = fail(FAIL_ARGUMENT,
		    "the resident key at 0x%08x was changed meanwhile; nothing "
		    "was removed",
		    key->index);
		goto out;
	}
	if ((r = open_owner(tpm, &now->record, owner_auth, &session)) == 0)
		r = remove_key(tpm, session, &keys, now);
out:
	owner_end_session(tpm, &session);
	resident_keys_reset(&keys);
	free(slots.slots);
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
