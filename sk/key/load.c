/* SPDX-License-Identifier: ISC */
#include "base/error.h"
#include "base/log.h"
#include "key/blob.h"
#include "key/load.h"
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
load_in_session(struct tpm *tpm, const struct checked_key *key,
    const struct parent *parent, ESYS_TR session, ESYS_TR *ret_key)
{
	const struct handle *h = key->handle;

	return load_object(
	    tpm, parent, session, &h->tpm_public, &h->tpm_private, ret_key);
}

int
load_under(struct tpm *tpm, const struct checked_key *key,
    const struct parent *parent, ESYS_TR *ret_key, ESYS_TR *ret_session)
{
	ESYS_TR session = ESYS_TR_PASSWORD;
	int r;

	if (key->handle->auth == HANDLE_AUTH_PIN &&
	    (r = session_start(tpm, parent->object, &session)) != 0)
		return r;
	if ((r = load_in_session(tpm, key, parent, session, ret_key)) != 0)
		session_end(tpm, &session);
	*ret_session = session;
	return r;
}

int
load_key(struct tpm *tpm, const struct checked_key *key, enum parent_state seen,
    ESYS_TR *ret_key, ESYS_TR *ret_session)
{
	const struct handle *h = key->handle;
	struct parent parent = { .object = ESYS_TR_NONE };
	int r;

	if ((r = parent_find_beyond(
		 tpm, h->parent, h->parent_name, seen, &parent)) != 0)
		return r;
	r = load_under(tpm, key, &parent, ret_key, ret_session);
	/* Before the key is used: a manager would carry it along. */
	parent_close(tpm, &parent);
	return r;
}

int
key_try_load(struct tpm *tpm, const struct checked_key *key)
{
	ESYS_TR object = ESYS_TR_NONE, session = ESYS_TR_PASSWORD;
	int r;

	if ((r = load_key(tpm, key, PARENT_UNKNOWN, &object, &session)) != 0)
		return r;
	session_end(tpm, &session);
	tpm_flush_last(tpm, &object);
	return 0;
}
