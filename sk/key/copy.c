/* SPDX-License-Identifier: ISC */
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "key/blob.h"
#include "key/conditions.h"
#include "key/copy.h"
#include "key/load.h"
#include "tpm/bare.h"
#include "tpm/capability.h"
#include "tpm/object.h"
#include "tpm/owner.h"
#include "tpm/persistent.h"
#include "tpm/rc.h"
#include "tpm/session.h"

/* --- looking ----------------------------------------------------------- */

/*
 * Adds the key at a handle, unless it went away meanwhile, or is of a kind that
 * this tpm2-tss cannot read: that is none of ours.
 */
static int
append_key(struct tpm *tpm, uint32_t handle, struct persistent_keys *keys)
{
	struct bytes area = { 0 };
	TPM2B_PUBLIC public;
	bool there;
	TSS2_RC rc;
	int r;

	rc = bare_read_public(tpm, handle, &there, &public);
	if ((rc & TSS2_RC_LAYER_MASK) == TSS2_MU_RC_LAYER)
		return 0;
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "read a persistent key");
	if (!there)
		return 0;
	if ((r = blob_write_public(&public, &area)) == 0)
		keys->keys[keys->n++] = (struct persistent_key){ handle, area };
	return r;
}

int
copy_list(struct tpm *tpm, struct persistent_keys *ret)
{
	struct persistent_keys keys = { 0 };
	struct tpm_handles there;
	int r;

	if ((r = tpm_list_handles(tpm, PERSISTENT_FIRST, PERSISTENT_LAST,
		 "list its persistent keys", &there)) != 0)
		return r;
	if ((keys.keys = calloc(there.n + 1, sizeof(*keys.keys))) == NULL)
		r = fail(FAIL_MEMORY, "out of memory");
	for (size_t i = 0; i < there.n && r == 0; i++)
		r = append_key(tpm, there.handles[i], &keys);
	if (r == 0)
		*ret = keys;
	else
		persistent_keys_reset(&keys);
	return r;
}

int
copy_look(struct tpm *tpm, const struct handle *h, enum copy_state *ret)
{
	TPM2B_PUBLIC public;
	bool there;
	TSS2_RC rc;

	if (h->persistent == 0) {
		*ret = COPY_UNNAMED;
		return 0;
	}
	rc = bare_read_public(tpm, h->persistent, &there, &public);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "read a persistent key");
	if (!there)
		*ret = COPY_GONE;
	else
		*ret = copy_has_public(&public, h) ? COPY_THERE : COPY_OTHER;
	return 0;
}

bool
copy_is_of(const struct persistent_key *key, const struct handle *h)
{
	return slice_equal(
	    bytes_slice(&key->tpm_public), bytes_slice(&h->tpm_public));
}

bool
copy_has_public(const TPM2B_PUBLIC *public, const struct handle *h)
{
	struct bytes area = { 0 };
	bool same;

	same = blob_write_public(public, &area) == 0 &&
	    slice_equal(bytes_slice(&area), bytes_slice(&h->tpm_public));
	bytes_reset(&area);
	return same;
}

/* --- making ------------------------------------------------------------ */

/* A TPM drops zeros at the end of an authValue, so none is there. */
static int
choose_auth(struct bytes *ret)
{
	uint8_t auth[HANDLE_AUTH_VALUE_LEN];
	int r;

	do
		if (RAND_bytes(auth, sizeof(auth)) != 1)
			return fail(FAIL_INTERNAL, "no random numbers");
	while (auth[sizeof(auth) - 1] == 0);
	r = bytes_set(ret, auth, sizeof(auth));
	explicit_bzero(auth, sizeof(auth));
	return r;
}

/*
 * In a session, as the authValue crosses the bus. The parent that it found for
 * that is left in *tools.
 */
static int
give_auth(struct tpm *tpm, const struct checked_key *key,
    struct slice auth_value, struct key_tools *tools, struct handle *stored,
    struct bytes *private)
{
	int r;

	if (auth_value.len == 0)
		return 0;
	r = key_change_auth(
	    tpm, key, (struct slice){ 0 }, auth_value, tools, private);
	session_end(tpm, &tools->session);
	if (r == FAIL_WRONG_PIN)
		r = fail(FAIL_FORGED,
		    "the TPM refused a password that the key does not have");
	if (r == 0)
		stored->tpm_private = *private; /* borrowed */
	return r;
}

int
copy_check_room(struct tpm *tpm)
{
	struct persistent_slots slots;
	int r;

	if ((r = persistent_slots(tpm, &slots)) == 0 && slots.free == 0)
		r = fail(FAIL_NV_FULL,
		    "all %u slots of the TPM for persistent keys are used",
		    slots.used);
	return r;
}

/* Random handles collide rarely; somebody may have filled the range. */
#define MAX_COLLISIONS 16

static int
make_somewhere(struct tpm *tpm, ESYS_TR owner, ESYS_TR object, struct handle *h,
    copy_note *note, void *what)
{
	int r;

	for (int i = 0; i < MAX_COLLISIONS; i++) {
		if ((r = persistent_choose(&h->persistent)) != 0 ||
		    (note != NULL && (r = note(h, what)) != 0))
			return r;
		r = persistent_make(tpm, owner, object, h->persistent);
		if (r != PERSISTENT_TAKEN)
			return r;
	}
	return fail(FAIL_NV_FULL, "found no free persistent handle");
}

/* `stored` is the key as it is to be in the TPM; the parent may be found. */
static int
make_of(struct tpm *tpm, const struct checked_key *stored,
    struct parent *parent, struct slice owner_auth, struct handle *h,
    copy_note *note, void *what)
{
	ESYS_TR object = ESYS_TR_NONE, owner = ESYS_TR_PASSWORD;
	int r;

	if (parent->object == ESYS_TR_NONE &&
	    (r = parent_find(tpm, h->parent, h->parent_name, parent)) != 0)
		return r;
	if ((r = load_under(tpm, stored, parent, ESYS_TR_PASSWORD, &object)) ==
		0 &&
	    (r = owner_start_session(
		 tpm, owner_auth, parent->object, &owner)) == 0)
		r = make_somewhere(tpm, owner, object, h, note, what);
	owner_end_session(tpm, &owner);
	tpm_flush(tpm, &object);
	return r;
}

/*
 * It may be there, whatever became of the TPM's answer. Returns r, with its
 * cause; *h goes on naming what could not be evicted.
 */
static int
undo(struct tpm *tpm, struct handle *h, struct slice owner_auth, int r)
{
	struct text cause = { 0 };

	text_add(&cause, "%s", log_cause());
	if (copy_evict(tpm, h, owner_auth, NULL) == 0)
		h->persistent = 0;
	return fail(r, "%s", cause.s);
}

int
copy_make(struct tpm *tpm, struct handle *h, struct slice owner_auth,
    copy_note *note, void *what)
{
	struct handle stored = *h; /* shares what that points to */
	struct key_tools tools = KEY_TOOLS_NONE;
	struct checked_key key;
	struct bytes private = { 0 }, auth = { 0 };
	int r;

	/* Whoever may use the TPM could use it while the PCRs are right. */
	if (h->pcrs != 0)
		return fail(FAIL_UNSUPPORTED,
		    "a key that depends on PCRs signs by its file, and gets no "
		    "persistent copy");
	if ((r = key_check(h, &key)) != 0)
		return r;
	if (h->auth == HANDLE_AUTH_NONE)
		r = choose_auth(&auth);
	if (r == 0)
		r = give_auth(
		    tpm, &key, bytes_slice(&auth), &tools, &stored, &private);
	if (r == 0) {
		bytes_move(&auth, &h->persistent_auth);
		key.handle = &stored;
		r = make_of(
		    tpm, &key, &tools.parent, owner_auth, h, note, what);
		key_tools_end(tpm, &tools);
		if (r != 0 && h->persistent != 0)
			r = undo(tpm, h, owner_auth, r);
	}
	key_tools_end(tpm, &tools);
	if (r != 0 && h->persistent == 0)
		bytes_reset(&h->persistent_auth);
	bytes_reset(&private);
	bytes_reset(&auth);
	return r;
}

/* --- evicting ---------------------------------------------------------- */

/*
 * Always in a session, so that the TPM compares the Name: it may be another
 * key's handle by now.
 */
static int
evict_all(struct tpm *tpm, const struct handle *h,
    const struct persistent_keys *keys, ESYS_TR owner)
{
	TPM2B_PUBLIC public;
	int r;

	if ((r = blob_read_public(&h->tpm_public, &public)) != 0)
		return r;
	for (size_t i = 0; i < keys->n && r == 0; i++) {
		ESYS_TR object = ESYS_TR_NONE;

		if (!copy_is_of(&keys->keys[i], h))
			continue;
		if ((r = tpm_open_known(
			 tpm, keys->keys[i].handle, &public, &object)) == 0)
			r = persistent_evict(
			    tpm, owner, &object, keys->keys[i].handle);
		tpm_close_handle(tpm, &object);
	}
	return r;
}

static unsigned int
count(const struct persistent_keys *keys, const struct handle *h)
{
	unsigned int n = 0;

	for (size_t i = 0; i < keys->n; i++)
		n += copy_is_of(&keys->keys[i], h);
	return n;
}

int
copy_count(struct tpm *tpm, const struct handle *h, unsigned int *ret)
{
	struct persistent_keys keys = { 0 };
	int r;

	if ((r = copy_list(tpm, &keys)) == 0)
		*ret = count(&keys, h);
	persistent_keys_reset(&keys);
	return r;
}

int
copy_evict(struct tpm *tpm, const struct handle *h, struct slice owner_auth,
    unsigned int *ret_n)
{
	struct parent salt_key = { .object = ESYS_TR_NONE };
	struct persistent_keys keys = { 0 };
	ESYS_TR owner = ESYS_TR_PASSWORD;
	unsigned int n;
	int r;

	if ((r = copy_list(tpm, &keys)) != 0)
		return r;
	if ((n = count(&keys, h)) > 0 &&
	    (r = parent_find_salt(tpm, h, &salt_key)) == 0) {
		if ((r = owner_start_covering_session(
			 tpm, owner_auth, salt_key.object, &owner)) == 0)
			r = evict_all(tpm, h, &keys, owner);
		owner_end_session(tpm, &owner);
	}
	parent_close(tpm, &salt_key);
	persistent_keys_reset(&keys);
	if (r == 0 && ret_n != NULL)
		*ret_n = n;
	return r;
}

int
copy_evict_at(struct tpm *tpm, uint32_t handle, struct slice owner_auth)
{
	struct parent salt_key = { .object = ESYS_TR_NONE };
	ESYS_TR owner = ESYS_TR_PASSWORD, object = ESYS_TR_NONE;
	TPM2B_PUBLIC public;
	bool there;
	TSS2_RC rc;
	int r;

	rc = bare_read_public(tpm, handle, &there, &public);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "read a persistent key");
	if (!there)
		return fail(FAIL_ARGUMENT,
		    "there is no persistent key at 0x%08x; sk-tpm list prints "
		    "them",
		    handle);
	if ((r = parent_find_salt(tpm, NULL, &salt_key)) != 0)
		return r;
	if ((r = owner_start_covering_session(
		 tpm, owner_auth, salt_key.object, &owner)) == 0 &&
	    (r = tpm_open_known(tpm, handle, &public, &object)) == 0)
		r = persistent_evict(tpm, owner, &object, handle);
	tpm_close_handle(tpm, &object);
	owner_end_session(tpm, &owner);
	parent_close(tpm, &salt_key);
	return r;
}

void
persistent_keys_reset(struct persistent_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		bytes_reset(&keys->keys[i].tpm_public);
	free(keys->keys);
	*keys = (struct persistent_keys){ 0 };
}
