/* SPDX-License-Identifier: ISC */
#include "base/error.h"
#include "base/log.h"
#include "key/blob.h"
#include "key/copy.h"
#include "key/load.h"
#include "tpm/bare.h"
#include "tpm/object.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/session.h"

/* What Load says when the private area is not this parent's or public's. */
static bool
is_refused_blob(TSS2_RC rc)
{
	switch (tpm_rc(rc)) {
	case TPM2_RC_INTEGRITY:
	case TPM2_RC_BINDING:
	case TPM2_RC_SIZE:
	case TPM2_RC_VALUE:
	case TPM2_RC_KEY:
	case TPM2_RC_ECC_POINT:
	case TPM2_RC_INSUFFICIENT:
		return true;
	default:
		return false;
	}
}

int
load_fail(TSS2_RC rc, ESYS_TR session)
{
	if (is_refused_blob(rc))
		return fail(FAIL_HANDLE,
		    "the key handle was altered (the TPM refuses the private "
		    "area)");
	return parent_fail(rc, session, "load the key");
}

int
load_use_fail(TSS2_RC rc, ESYS_TR session)
{
	if (session != ESYS_TR_PASSWORD &&
	    (tpm_rc(rc) == TPM2_RC_AUTH_FAIL || tpm_rc(rc) == TPM2_RC_BAD_AUTH))
		return fail(FAIL_WRONG_PIN, "wrong PIN");
	return tpm_fail(rc, "use the key");
}

int
load_object(struct tpm *tpm, const struct parent *parent, ESYS_TR session,
    const struct bytes *public, const struct bytes *private, ESYS_TR *ret)
{
	TPM2B_PRIVATE in_private;
	TPM2B_PUBLIC in_public;
	TSS2_RC rc;
	int r;

	if ((r = blob_read_public(public, &in_public)) != 0 ||
	    (r = blob_read_private(private, &in_private)) != 0)
		return r;
	rc = TPM_RETRY(Esys_Load(tpm_esys(tpm), parent->object, session,
	    tpm_guard(tpm), ESYS_TR_NONE, &in_private, &in_public, ret));
	return rc == TSS2_RC_SUCCESS ? 0 : load_fail(rc, session);
}

int
load_bare(
    struct tpm *tpm, const struct handle *h, uint32_t parent, uint32_t *ret)
{
	TPM2B_PRIVATE private;
	TPM2B_PUBLIC public;
	TSS2_RC rc;
	int r;

	if ((r = blob_read_public(&h->tpm_public, &public)) != 0 ||
	    (r = blob_read_private(&h->tpm_private, &private)) != 0)
		return r;
	rc = bare_load(tpm, parent, &BARE_AUTH_EMPTY, &private, &public, ret);
	return rc == TSS2_RC_SUCCESS ? 0 : load_fail(rc, ESYS_TR_PASSWORD);
}

int
load_under(struct tpm *tpm, const struct checked_key *key,
    const struct parent *parent, ESYS_TR session, ESYS_TR *ret_key)
{
	const struct handle *h = key->handle;

	return load_object(
	    tpm, parent, session, &h->tpm_public, &h->tpm_private, ret_key);
}

/*
 * Reads the copy's public area in the session. That succeeds only where the
 * real TPM has our very key there: the command's HMAC covers its Name, and the
 * answer's is verified. *ret_key is ESYS_TR_NONE where there is no copy, or
 * another key, whose password none of ours is sent to.
 */
static int
open_copy(
    struct tpm *tpm, const struct handle *h, ESYS_TR session, ESYS_TR *ret_key)
{
	TPM2B_PUBLIC expected, *told = NULL;
	ESYS_TR object = ESYS_TR_NONE;
	TSS2_RC rc;
	int r;

	if ((r = blob_read_public(&h->tpm_public, &expected)) != 0)
		return r;
	/* Where tpm2-tss has objects in a form of its own, there is none. */
	if (tpm_open_known(tpm, h->persistent, &expected, &object) != 0)
		return 0;
	if ((r = session_encrypt_answer(tpm, session)) != 0)
		goto out;
	rc = TPM_RETRY(Esys_ReadPublic(tpm_esys(tpm), object, session,
	    ESYS_TR_NONE, ESYS_TR_NONE, &told, NULL, NULL));
	if (rc == TSS2_RC_SUCCESS && copy_has_public(told, h)) {
		*ret_key = object;
		object = ESYS_TR_NONE;
	} else if (rc == TSS2_RC_SUCCESS || tpm_rc(rc) == TPM2_RC_HANDLE ||
	    tpm_rc(rc) == TPM2_RC_BAD_AUTH || tpm_rc(rc) == TPM2_RC_AUTH_FAIL) {
		log_debug(
		    "the key has no persistent copy at 0x%08x", h->persistent);
	} else {
		r = tpm_fail(rc, "read a persistent key");
	}
out:
	tpm_close_handle(tpm, &object);
	Esys_Free(told);
	return r;
}

/* Where a PIN is to be used; for the others sign.c needs no session. */
static int
open_in_session(struct tpm *tpm, const struct checked_key *key,
    const struct parent *parent, struct loaded_key *loaded)
{
	const struct handle *h = key->handle;
	int r;

	if ((r = session_start(tpm, parent->object, &loaded->session)) != 0 ||
	    h->persistent == 0)
		return r;
	r = open_copy(tpm, h, loaded->session, &loaded->object);
	loaded->persistent = loaded->object != ESYS_TR_NONE;
	return r;
}

int
load_key(struct tpm *tpm, const struct checked_key *key, enum parent_state seen,
    struct loaded_key *ret)
{
	const struct handle *h = key->handle;
	struct loaded_key loaded = { ESYS_TR_NONE, ESYS_TR_PASSWORD, false };
	struct parent parent = { .object = ESYS_TR_NONE };
	int r;

	if ((r = parent_find_beyond(
		 tpm, h->parent, h->parent_name, seen, &parent)) != 0)
		return r;
	if (h->auth == HANDLE_AUTH_PIN)
		r = open_in_session(tpm, key, &parent, &loaded);
	if (r == 0 && !loaded.persistent)
		r = load_under(
		    tpm, key, &parent, loaded.session, &loaded.object);
	/* Before the key is used: a manager would carry it along. */
	parent_close(tpm, &parent);
	if (r == 0)
		*ret = loaded;
	else
		load_end(tpm, &loaded);
	return r;
}

void
load_end(struct tpm *tpm, struct loaded_key *key)
{
	if (key->object != ESYS_TR_NONE)
		session_forget_auth(tpm, key->object);
	session_end(tpm, &key->session);
	if (key->persistent)
		tpm_close_handle(tpm, &key->object);
	else
		tpm_flush_last(tpm, &key->object);
}

int
key_try_load(struct tpm *tpm, const struct checked_key *key)
{
	const struct handle *h = key->handle;
	struct parent parent = { .object = ESYS_TR_NONE };
	ESYS_TR object = ESYS_TR_NONE;
	int r;

	if ((r = parent_find(tpm, h->parent, h->parent_name, &parent)) != 0)
		return r;
	r = load_under(tpm, key, &parent, ESYS_TR_PASSWORD, &object);
	parent_close(tpm, &parent);
	tpm_flush_last(tpm, &object);
	return r;
}
