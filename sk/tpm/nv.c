/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include <tss2/tss2_mu.h>

#include "base/error.h"
#include "base/log.h"
#include "tpm/capability.h"
#include "tpm/nv.h"
#include "tpm/object.h"
#include "tpm/rc.h"
#include "tpm/retry.h"

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
	    nv->dataSize <= NV_MAX_LEN &&
	    nv->authPolicy.size == ours.nvPublic.authPolicy.size &&
	    memcmp(nv->authPolicy.buffer, ours.nvPublic.authPolicy.buffer,
		nv->authPolicy.size) == 0;
	return 0;
}

static int
append_slot(struct nv_slots *slots, const TPMS_NV_PUBLIC *nv, ESYS_TR object)
{
	struct nv_slot *grown;

	grown = realloc(slots->slots, (slots->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	slots->slots = grown;
	slots->slots[slots->n++] = (struct nv_slot){
		.index = nv->nvIndex,
		.size = nv->dataSize,
		.whole = (nv->attributes & CHANGING) == CHANGING,
		.object = object,
	};
	return 0;
}

int
nv_look(struct tpm *tpm, uint32_t index, struct nv_slots *slots)
{
	TPMS_NV_PUBLIC public;
	bool ours = false;
	ESYS_TR object;
	int r;

	if ((r = tpm_open_index(tpm, index, &object, &public)) != 0 ||
	    object == ESYS_TR_NONE)
		return r;
	if ((r = look_whether_ours(&public, &ours)) == 0 && ours &&
	    (r = append_slot(slots, &public, object)) == 0)
		return 0;
	tpm_close_handle(tpm, &object);
	return r;
}

static int
look_at_all(struct tpm *tpm, const TPML_HANDLE *handles, struct nv_slots *slots,
    uint32_t *ret_next)
{
	int r = 0;

	for (uint32_t i = 0; i < handles->count && r == 0; i++) {
		uint32_t index = handles->handle[i];

		if (index < NV_FIRST || index > NV_LAST) {
			*ret_next = NV_LAST + 1;
			return 0;
		}
		/* Ascending, or this would not end. */
		if (index < *ret_next)
			return fail(FAIL_TPM,
			    "the TPM lists its NV indices out of order");
		r = nv_look(tpm, index, slots);
		*ret_next = index + 1;
	}
	return r;
}

int
nv_find(struct tpm *tpm, struct nv_slots *ret)
{
	uint32_t next = NV_FIRST;
	struct nv_slots slots = { 0 };
	TPMI_YES_NO more = TPM2_YES;
	int r = 0;

	while (r == 0 && more == TPM2_YES && next <= NV_LAST) {
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
		nv_slots_reset(tpm, &slots);
	return r;
}

struct nv_slot *
nv_slot_at(const struct nv_slots *slots, uint32_t index)
{
	for (size_t i = 0; i < slots->n; i++)
		if (slots->slots[i].index == index)
			return &slots->slots[i];
	return NULL;
}

/* --- reading ----------------------------------------------------------- */

static int
read_piece(struct tpm *tpm, ESYS_TR object, uint16_t size, uint16_t offset,
    struct bytes *data)
{
	TPM2B_MAX_NV_BUFFER *piece = NULL;
	TSS2_RC rc;
	int r;

	rc = TPM_RETRY(
	    Esys_NV_Read(tpm_esys(tpm), object, object, ESYS_TR_PASSWORD,
		tpm_guard(tpm), ESYS_TR_NONE, size, offset, &piece));
	if (tpm_rc(rc) == TPM2_RC_HANDLE)
		r = NV_GONE;
	else if (tpm_rc(rc) == TPM2_RC_BAD_AUTH ||
	    tpm_rc(rc) == TPM2_RC_AUTH_FAIL)
		r = fail(FAIL_HANDLE, "it has a password, and is none of ours");
	else if (rc != TSS2_RC_SUCCESS)
		r = tpm_fail(rc, "read a resident key");
	else if (piece->size != size)
		r = fail(FAIL_TPM,
		    "the TPM gave %u bytes of a resident key instead of %u",
		    piece->size, size);
	else
		r = bytes_append(data, piece->buffer, size);
	Esys_Free(piece);
	return r;
}

/* 0, NV_GONE or a FAIL_ code. */
int
nv_read(struct tpm *tpm, const struct nv_slot *slot, struct bytes *ret)
{
	int r = 0;

	while (r == 0 && ret->len < slot->size) {
		size_t n = slot->size - ret->len;

		if (n > NV_PIECE)
			n = NV_PIECE;
		r = read_piece(
		    tpm, slot->object, (uint16_t)n, (uint16_t)ret->len, ret);
	}
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

/* What makes an index ours is in its Name, and how far it was written. */
static int
index_name(
    const struct nv_slot *slot, TPMA_NV written, uint8_t ret[TPM_NAME_LEN])
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
 * The HMAC of a session covers the Name of the index that is removed. Whoever
 * told us that it is ours may have meant another program's.
 */
static int
check_name(struct tpm *tpm, const struct nv_slot *slot)
{
	static const TPMA_NV states[] = { 0, TPMA_NV_WRITTEN,
		TPMA_NV_WRITELOCKED, CHANGING };
	uint8_t expected[TPM_NAME_LEN];
	TPMS_NV_PUBLIC public;
	TPM2B_NAME name;
	int r;

	if ((r = tpm_read_back_index(tpm, slot->object, &name, &public)) != 0)
		return r;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if ((r = index_name(slot, states[i], expected)) != 0)
			return r;
		if (name.size == TPM_NAME_LEN &&
		    memcmp(name.name, expected, TPM_NAME_LEN) == 0)
			return 0;
	}
	return fail(FAIL_FORGED,
	    "the NV index 0x%08x is not what the TPM said it is", slot->index);
}

int
nv_remove(struct tpm *tpm, ESYS_TR session, struct nv_slot *slot)
{
	TSS2_RC rc;
	int r;

	if ((r = check_name(tpm, slot)) != 0)
		return r;
	rc = TPM_RETRY(
	    Esys_NV_UndefineSpace(tpm_esys(tpm), ESYS_TR_RH_OWNER, slot->object,
		session, tpm_guard_beside(tpm, session), ESYS_TR_NONE));
	if (rc == TSS2_RC_SUCCESS)
		slot->object = ESYS_TR_NONE; /* closed by tpm2-tss */
	else if (tpm_rc(rc) != TPM2_RC_HANDLE)
		r = owner_fail(rc, "remove an NV index");
	return r;
}

/* What a failed write has left, whatever the TPM did of it. */
static void
remove_failed(struct tpm *tpm, ESYS_TR session, uint32_t index)
{
	struct nv_slots slots = { 0 };

	if (nv_look(tpm, index, &slots) != 0 ||
	    (slots.n > 0 && nv_remove(tpm, session, &slots.slots[0]) != 0))
		log_debug("0x%08x is left", index);
	nv_slots_reset(tpm, &slots);
}

/* The TPM does not define an index of that many bytes. */
static int
too_long(struct tpm *tpm, size_t size)
{
	uint32_t most;
	int r;

	if ((r = tpm_property(tpm, TPM2_PT_NV_INDEX_MAX, &most)) != 0)
		return r;
	return fail(FAIL_ARGUMENT,
	    "a resident key's record would have %zu bytes, and this TPM takes "
	    "%u; shorten its application, user or limits",
	    size, most);
}

static int
define(struct tpm *tpm, ESYS_TR session, size_t size, uint32_t *ret_index,
    ESYS_TR *ret_object)
{
	const TPM2B_AUTH no_auth = { 0 };
	TPM2B_NV_PUBLIC public;
	uint32_t index, n;
	TSS2_RC rc;
	int r;

	for (int i = 0; i < MAX_COLLISIONS; i++) {
		if (RAND_bytes((uint8_t *)&n, sizeof(n)) != 1)
			return fail(FAIL_INTERNAL, "no random numbers");
		index = NV_FIRST + n % (NV_LAST - NV_FIRST + 1);
		if ((r = make_public(index, size, &public)) != 0)
			return r;
		rc = TPM_RETRY(Esys_NV_DefineSpace(tpm_esys(tpm),
		    ESYS_TR_RH_OWNER, session, tpm_guard_beside(tpm, session),
		    ESYS_TR_NONE, &no_auth, &public, ret_object));
		if (rc == TSS2_RC_SUCCESS) {
			*ret_index = index;
			return 0;
		}
		if (tpm_rc(rc) == TPM2_RC_SIZE)
			return too_long(tpm, size);
		if (tpm_rc(rc) != TPM2_RC_NV_DEFINED)
			return owner_fail(rc, "define an NV index");
	}
	return fail(FAIL_NV_FULL, "found no free NV index");
}

/* 0, NV_GONE or a FAIL_ code. */
static int
write_piece(struct tpm *tpm, ESYS_TR session, ESYS_TR object,
    struct slice piece, size_t offset)
{
	TPM2B_MAX_NV_BUFFER buffer = { .size = (UINT16)piece.len };
	TSS2_RC rc;

	memcpy(buffer.buffer, piece.data, piece.len);
	rc = TPM_RETRY(Esys_NV_Write(tpm_esys(tpm), ESYS_TR_RH_OWNER, object,
	    session, tpm_guard_beside(tpm, session), ESYS_TR_NONE, &buffer,
	    (UINT16)offset));
	if (rc == TSS2_RC_SUCCESS)
		return 0;
	return tpm_rc(rc) == TPM2_RC_HANDLE
	    ? NV_GONE
	    : owner_fail(rc, "write a resident key");
}

/* From here on it is a key. 0, NV_GONE or a FAIL_ code. */
static int
lock(struct tpm *tpm, ESYS_TR session, ESYS_TR object)
{
	TSS2_RC rc;

	rc = TPM_RETRY(Esys_NV_WriteLock(tpm_esys(tpm), ESYS_TR_RH_OWNER,
	    object, session, tpm_guard_beside(tpm, session), ESYS_TR_NONE));
	if (rc == TSS2_RC_SUCCESS)
		return 0;
	return tpm_rc(rc) == TPM2_RC_HANDLE
	    ? NV_GONE
	    : owner_fail(rc, "finish a resident key");
}

static int
write_and_lock(
    struct tpm *tpm, ESYS_TR session, ESYS_TR object, const struct bytes *data)
{
	int r = 0;

	for (size_t at = 0, n; at < data->len && r == 0; at += n) {
		n = data->len - at;
		if (n > NV_PIECE)
			n = NV_PIECE;
		r = write_piece(tpm, session, object,
		    (struct slice){ data->data + at, n }, at);
	}
	return r == 0 ? lock(tpm, session, object) : r;
}

/*
 * Another process may take the index for a leftover before it is locked, when
 * NV is full; then it is made again.
 */
int
nv_write(struct tpm *tpm, ESYS_TR session, const struct bytes *data,
    uint32_t *ret_index)
{
	uint32_t index = 0;
	ESYS_TR object;
	int r;

	for (int i = 0; i < MAX_COLLISIONS; i++) {
		if ((r = define(tpm, session, data->len, &index, &object)) != 0)
			return r;
		r = write_and_lock(tpm, session, object, data);
		tpm_close_handle(tpm, &object);
		if (r == 0) {
			*ret_index = index;
			return 0;
		}
		remove_failed(tpm, session, index);
		if (r != NV_GONE)
			return r;
	}
	return fail(FAIL_NV_FULL,
	    "other programs need the NV memory that a resident key was to "
	    "have");
}

void
nv_slots_reset(struct tpm *tpm, struct nv_slots *slots)
{
	for (size_t i = 0; i < slots->n; i++)
		tpm_close_handle(tpm, &slots->slots[i].object);
	free(slots->slots);
	*slots = (struct nv_slots){ 0 };
}
