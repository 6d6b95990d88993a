/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "key/parent.h"
#include "tpm/bare.h"
#include "tpm/object.h"
#include "tpm/owner.h"
#include "tpm/persistent.h"
#include "tpm/primary.h"
#include "tpm/rc.h"

_Static_assert(HANDLE_NAME_LEN == TPM_NAME_LEN, "handles name parents");

/* What bound entry 1 of a key handle calls each template. */
static const uint32_t names_of_templates[PRIMARY_N_TEMPLATES] = {
	[PRIMARY_SRK] = HANDLE_PARENT_SRK,
	[PRIMARY_SRK_ZEROS] = HANDLE_PARENT_SRK_ZEROS,
};

static int
open_persistent(struct tpm *tpm, uint32_t where, ESYS_TR *ret_object)
{
	return tpm_open_handle(
	    tpm, where, "read the storage root key", ret_object);
}

static int
create_srk(struct tpm *tpm, enum primary_template template, struct parent *ret)
{
	struct parent parent = {
		.object = ESYS_TR_NONE,
		.transient = true,
		.where = names_of_templates[template],
	};
	int r;

	if ((r = primary_create(tpm, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
		 template, &parent.object, parent.name)) == 0)
		*ret = parent;
	return r;
}

/*
 * Whether keys of ours can live under it: a storage key (part 1, 24.3), and
 * one that a lockout does not stop and that costs no try if it has a password
 * after all. tpm2_createprimary makes ones without noDA unless told.
 */
static int
check_suits(const TPM2B_PUBLIC *public)
{
	const TPMA_OBJECT storage = TPMA_OBJECT_RESTRICTED |
	    TPMA_OBJECT_DECRYPT | TPMA_OBJECT_FIXEDTPM |
	    TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_USERWITHAUTH;
	TPMA_OBJECT actual = public->publicArea.objectAttributes;
	TPMI_ALG_PUBLIC type = public->publicArea.type;

	if ((actual & storage) != storage ||
	    (actual & TPMA_OBJECT_SIGN_ENCRYPT) != 0 ||
	    (type != TPM2_ALG_ECC && type != TPM2_ALG_RSA))
		return fail(FAIL_PARENT, "it is not a storage key");
	if ((actual & TPMA_OBJECT_NODA) == 0)
		return fail(FAIL_PARENT,
		    "it lacks noDA, so wrong PINs of others would stop it");
	return 0;
}

static int
check_persistent(struct tpm *tpm, struct parent *parent)
{
	TPM2B_PUBLIC public;
	int r;

	if ((r = tpm_read_back(tpm, parent->object, NULL, &public)) != 0 ||
	    (r = check_suits(&public)) != 0)
		return r;
	return tpm_public_name(&public, parent->name);
}

/*
 * Create and Load authorize the parent, with the empty password. A session
 * covers all that is sent, so there it may be that and not the password.
 */
int
parent_fail(TSS2_RC rc, ESYS_TR session, const char *doing)
{
	if (tpm_rc(rc) != TPM2_RC_BAD_AUTH && tpm_rc(rc) != TPM2_RC_AUTH_FAIL)
		return tpm_fail(rc, doing);
	return fail(FAIL_PARENT,
	    "the storage root key has a password of its own%s; sk-tpm needs "
	    "one with none, as the TCG has it",
	    session == ESYS_TR_PASSWORD
		? ""
		: ", or something alters what is sent to the TPM");
}

int
parent_for_new(struct tpm *tpm, uint32_t where, struct parent *ret)
{
	struct parent parent = { .where = where };
	int r;

	if (where == 0)
		parent.where = PRIMARY_SRK_HANDLE;
	if ((r = open_persistent(tpm, parent.where, &parent.object)) != 0)
		return r;
	if (parent.object == ESYS_TR_NONE && where != 0)
		return fail(FAIL_PARENT,
		    "there is no key at 0x%08x, which Parent names; name "
		    "another one, or auto",
		    where);
	if (parent.object == ESYS_TR_NONE)
		return create_srk(tpm, PRIMARY_SRK, ret);
	if ((r = check_persistent(tpm, &parent)) == 0) {
		*ret = parent;
		return 0;
	}
	parent_close(tpm, &parent);
	if (r == FAIL_PARENT && where == 0) {
		/* Another program's key is at the SRK's handle: passed over. */
		log_info("the key at 0x%08x does not suit as a parent: %s; "
			 "each signature creates the storage root key anew, "
			 "which is slow",
		    PRIMARY_SRK_HANDLE, log_cause());
		return create_srk(tpm, PRIMARY_SRK, ret);
	}
	if (r == FAIL_PARENT)
		return fail(r,
		    "the key at 0x%08x, which Parent names, does not suit: "
		    "%s; name another one, or auto",
		    where, log_cause());
	return r;
}

/*
 * Whether a key has this Name, and suits. The key file chooses the Name and the
 * handle, and may name another program's key: with a password and without noDA,
 * each authorization of ours would cost a try of the TPM's. So none is sent to
 * it before its public area is known to suit.
 */
static int
judge(const TPM2B_PUBLIC *public, uint32_t where,
    const uint8_t name[HANDLE_NAME_LEN], enum parent_state *ret)
{
	uint8_t actual[HANDLE_NAME_LEN];

	/* Another kind of key there, of another nameAlg even: not ours. */
	if (tpm_public_name(public, actual) != 0 ||
	    memcmp(actual, name, HANDLE_NAME_LEN) != 0) {
		*ret = PARENT_OTHER;
		return 0;
	}
	if (check_suits(public) != 0)
		return fail(FAIL_HANDLE,
		    "the key handle names the key at 0x%08x as its parent, "
		    "which no key of ours can have: %s",
		    where, log_cause());
	*ret = PARENT_SUITS;
	return 0;
}

/* Where a key handle says that its parent is, before anywhere else. */
static uint32_t
first_place(uint32_t where)
{
	return where >= HANDLE_PARENT_PERSISTENT_FIRST ? where
						       : PRIMARY_SRK_HANDLE;
}

int
parent_look_first(struct tpm *tpm, uint32_t where,
    const uint8_t name[HANDLE_NAME_LEN], enum parent_state *ret_seen,
    uint32_t *ret)
{
	TPM2B_PUBLIC public;
	bool there;
	TSS2_RC rc;
	int r;

	where = first_place(where);
	if ((rc = bare_read_public(tpm, where, &there, &public)) !=
	    TSS2_RC_SUCCESS)
		return tpm_fail(rc, "read the storage root key");
	if (!there) {
		*ret_seen = PARENT_ABSENT;
		return 0;
	}
	if ((r = judge(&public, where, name, ret_seen)) == 0 &&
	    *ret_seen == PARENT_SUITS)
		*ret = where;
	return r;
}

/* The same by ESYS; parent->object is ESYS_TR_NONE unless it suits. */
static int
find_persistent(struct tpm *tpm, uint32_t where,
    const uint8_t name[HANDLE_NAME_LEN], struct parent *parent,
    enum parent_state *ret_seen)
{
	TPM2B_PUBLIC public;
	int r;

	parent->transient = false;
	parent->where = where;
	memcpy(parent->name, name, HANDLE_NAME_LEN);
	*ret_seen = PARENT_ABSENT;
	if ((r = open_persistent(tpm, where, &parent->object)) != 0 ||
	    parent->object == ESYS_TR_NONE)
		return r;
	*ret_seen = PARENT_OTHER;
	if (tpm_read_back(tpm, parent->object, NULL, &public) == 0)
		r = judge(&public, where, name, ret_seen);
	if (*ret_seen != PARENT_SUITS)
		parent_close(tpm, parent);
	return r;
}

/* Creates it again, by the template that the handle names first. */
static int
find_by_templates(struct tpm *tpm, uint32_t where,
    const uint8_t name[HANDLE_NAME_LEN], struct parent *found)
{
	enum primary_template first =
	    where == HANDLE_PARENT_SRK_ZEROS ? PRIMARY_SRK_ZEROS : PRIMARY_SRK;
	int r;

	for (unsigned int i = 0; i < PRIMARY_N_TEMPLATES; i++) {
		if ((r = create_srk(
			 tpm, (first + i) % PRIMARY_N_TEMPLATES, found)) != 0)
			return r;
		if (memcmp(found->name, name, HANDLE_NAME_LEN) == 0)
			return 0;
		parent_close(tpm, found);
	}
	return 0;
}

/*
 * First where it is said to be, then at the SRK's handle. *ret_taken: there is
 * another key.
 */
static int
find_persistent_anywhere(struct tpm *tpm, uint32_t where,
    const uint8_t name[HANDLE_NAME_LEN], enum parent_state seen,
    struct parent *found, bool *ret_taken)
{
	uint32_t first = first_place(where);
	int r = 0;

	if (seen == PARENT_UNKNOWN)
		r = find_persistent(tpm, first, name, found, &seen);
	*ret_taken = seen == PARENT_OTHER;
	if (r != 0 || seen == PARENT_SUITS || first == PRIMARY_SRK_HANDLE)
		return r;
	r = find_persistent(tpm, PRIMARY_SRK_HANDLE, name, found, &seen);
	*ret_taken |= seen == PARENT_OTHER;
	return r;
}

int
parent_find_beyond(struct tpm *tpm, uint32_t where,
    const uint8_t name[HANDLE_NAME_LEN], enum parent_state seen,
    struct parent *ret)
{
	struct parent found = { .object = ESYS_TR_NONE };
	bool taken;
	int r;

	r = find_persistent_anywhere(tpm, where, name, seen, &found, &taken);
	/*
	 * A persistent SRK may be gone, or may have been made persistent since:
	 * the same seed and template give the same key.
	 */
	if (r == 0 && found.object == ESYS_TR_NONE)
		r = find_by_templates(tpm, where, name, &found);
	if ((r == 0 && found.object == ESYS_TR_NONE) ||
	    (r == FAIL_OWNER_AUTH && taken))
		return fail(FAIL_OTHER_TPM,
		    "this key was made in another TPM, or this TPM has been "
		    "cleared since%s",
		    r == FAIL_OWNER_AUTH
			? " (or its storage root key was replaced, and the "
			  "owner password hides the old one)"
			: "");
	if (r != 0)
		return r;
	log_debug("parent: %s",
	    found.transient ? "created for this call" : "persistent");
	*ret = found;
	return 0;
}

int
parent_find(struct tpm *tpm, uint32_t where,
    const uint8_t name[HANDLE_NAME_LEN], struct parent *ret)
{
	return parent_find_beyond(tpm, where, name, PARENT_UNKNOWN, ret);
}

int
parent_find_salt(struct tpm *tpm, const struct handle *h, struct parent *ret)
{
	int r = FAIL_HANDLE;

	if (h != NULL)
		r = parent_find(tpm, h->parent, h->parent_name, ret);
	if (r == FAIL_HANDLE || r == FAIL_OTHER_TPM || r == FAIL_OWNER_AUTH) {
		*ret = (struct parent){ .object = ESYS_TR_NONE,
			.transient = true };
		r = primary_create_null(tpm, &ret->object);
	}
	return r;
}

int
parent_look(struct tpm *tpm, enum parent_state *ret)
{
	struct parent parent = { .where = PRIMARY_SRK_HANDLE };
	int r;

	if ((r = open_persistent(tpm, parent.where, &parent.object)) != 0)
		return r;
	if (parent.object == ESYS_TR_NONE) {
		*ret = PARENT_ABSENT;
		return 0;
	}
	r = check_persistent(tpm, &parent);
	parent_close(tpm, &parent);
	if (r == 0)
		*ret = PARENT_SUITS;
	else if (r == FAIL_PARENT)
		*ret = PARENT_OTHER;
	return r == FAIL_PARENT ? 0 : r;
}

int
parent_template(struct tpm *tpm, uint32_t *ret)
{
	struct parent srk = { .where = PRIMARY_SRK_HANDLE };
	struct parent made = { .object = ESYS_TR_NONE };
	int r;

	if ((r = open_persistent(tpm, srk.where, &srk.object)) != 0)
		return r;
	if (srk.object == ESYS_TR_NONE)
		return fail(FAIL_PARENT, "there is no storage root key");
	if ((r = tpm_object_name(tpm, srk.object, srk.name)) == 0 &&
	    (r = find_by_templates(tpm, 0, srk.name, &made)) == 0)
		*ret = made.object != ESYS_TR_NONE ? made.where : 0;
	parent_close(tpm, &made);
	parent_close(tpm, &srk);
	return r;
}

int
parent_make_persistent(struct tpm *tpm, struct slice owner_auth)
{
	ESYS_TR session, srk = ESYS_TR_NONE;
	int r;

	if ((r = owner_start_session_by_null_key(tpm, owner_auth, &session)) ==
	    0)
		r = primary_create(
		    tpm, ESYS_TR_RH_OWNER, session, PRIMARY_SRK, &srk, NULL);
	if (r == FAIL_OWNER_AUTH)
		r = fail(FAIL_OWNER_PASSWORD,
		    "the TPM's owner has another password");
	if (r == 0)
		r = persistent_make(tpm, session, srk, PRIMARY_SRK_HANDLE);
	if (r == PERSISTENT_TAKEN)
		r = fail(FAIL_PARENT,
		    "another program made a key persistent at 0x%08x in this "
		    "moment",
		    PRIMARY_SRK_HANDLE);
	tpm_flush(tpm, &srk);
	owner_end_session(tpm, &session);
	return r;
}

void
parent_close(struct tpm *tpm, struct parent *parent)
{
	if (parent->transient)
		tpm_flush(tpm, &parent->object);
	else
		tpm_close_handle(tpm, &parent->object);
}
