/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "key/blob.h"
#include "key/boot-state.h"
#include "key/conditions.h"
#include "key/load.h"
#include "key/sign-pin-object.h"
#include "key/sign-policy.h"
#include "key/sign.h"
#include "tpm/bare.h"
#include "tpm/object.h"
#include "tpm/policy-session.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/session.h"

/* --- meeting the conditions -------------------------------------------- */

/* The TPM refuses the PCRs' values: what is different, in words. */
static int
fail_pcrs(struct tpm *tpm, const struct handle *h)
{
	int r;

	if ((r = boot_state_check(tpm, h)) != 0)
		return r;
	return fail(FAIL_FORGED,
	    "the TPM refuses the values of PCRs that it shows itself");
}

int
sign_meet_pcrs(struct tpm *tpm, const struct handle *h, uint32_t session)
{
	uint8_t values[SHA256_LEN];
	TSS2_RC rc;
	int r;

	if (h->pcrs == 0)
		return 0;
	if ((r = conditions_pcr_digest(h, values)) != 0)
		return r;
	rc = policy_session_pcr(tpm, session, h->pcrs, values);
	if (tpm_rc(rc) == TPM2_RC_VALUE)
		return fail_pcrs(tpm, h);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "compare its PCRs");
	return 0;
}

/* PolicyOR, which ties the conditions to the bound entries. */
static int
meet_binding(struct tpm *tpm, const struct handle *h, uint32_t session)
{
	uint8_t binding[HANDLE_BINDING_LEN], met[POLICY_LEN];
	TSS2_RC rc;
	int r;

	if ((r = handle_binding(h, binding)) != 0 ||
	    (r = conditions_met(h, met)) != 0)
		return r;
	rc = policy_session_or(tpm, session, binding, met);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "take the conditions of the key as met");
	return 0;
}

/* --- without a PIN ----------------------------------------------------- */

static int
meet(struct tpm *tpm, const struct handle *h, uint32_t session)
{
	int r;

	if ((r = sign_meet_pcrs(tpm, h, session)) == 0)
		r = meet_binding(tpm, h, session);
	return r;
}

static int
begin(struct tpm *tpm, const struct handle *h, uint32_t *ret)
{
	uint32_t session;
	TSS2_RC rc;
	int r;

	if ((rc = policy_session_start(tpm, &session)) != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "start a session");
	if ((r = meet(tpm, h, session)) != 0)
		bare_flush_last(tpm, session);
	else
		*ret = session;
	return r;
}

static int
meet_again(struct tpm *tpm, const struct handle *h, uint32_t session)
{
	TSS2_RC rc;

	if ((rc = policy_session_restart(tpm, session)) != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "start a session again");
	return meet(tpm, h, session);
}

/* Signs with a loaded key, and ends the session. */
static int
use(struct tpm *tpm, const struct handle *h, uint32_t object, uint32_t session,
    const uint8_t digest[SHA256_LEN], struct ec_signature *ret)
{
	const struct bare_auth auth = { .session = session };
	TPMT_SIGNATURE signature;
	TSS2_RC rc;
	int r = 0;

	rc = bare_sign(tpm, object, &auth, digest, &signature);
	for (int i = 0; i < SIGN_MAX_PCR_CHANGES && r == 0 &&
	     tpm_rc(rc) == TPM2_RC_PCR_CHANGED;
	     i++)
		if ((r = meet_again(tpm, h, session)) == 0)
			rc = bare_sign(tpm, object, &auth, digest, &signature);
	if (rc == TSS2_RC_SUCCESS)
		return sign_read(&signature, ret);
	bare_flush_last(tpm, session);
	return r != 0 ? r : load_use_fail(rc, ESYS_TR_PASSWORD);
}

/* The session comes first: a resource manager would carry the key along. */
static int
sign_under(struct tpm *tpm, const struct handle *h, uint32_t parent,
    const uint8_t digest[SHA256_LEN], struct ec_signature *ret)
{
	uint32_t session, object;
	int r;

	if ((r = begin(tpm, h, &session)) != 0)
		return r;
	if ((r = load_bare(tpm, h, parent, &object)) != 0) {
		bare_flush_last(tpm, session);
		return r;
	}
	r = use(tpm, h, object, session, digest, ret);
	bare_flush_last(tpm, object);
	return r;
}

/* Under a parent that has to be looked for. */
static int
sign_elsewhere(struct tpm *tpm, const struct checked_key *key,
    enum parent_state seen, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret)
{
	struct loaded_key loaded;
	uint32_t session;
	int r;

	if ((r = load_key(tpm, key, seen, &loaded)) != 0)
		return r;
	if ((r = begin(tpm, key->handle, &session)) == 0)
		r = use(tpm, key->handle, tpm_handle_of(tpm, loaded.object),
		    session, digest, ret);
	load_end(tpm, &loaded);
	return r;
}

static int
sign_without_pin(struct tpm *tpm, const struct checked_key *key,
    const uint8_t digest[SHA256_LEN], struct ec_signature *ret)
{
	const struct handle *h = key->handle;
	enum parent_state seen;
	uint32_t parent;
	int r;

	if ((r = parent_look_first(
		 tpm, h->parent, h->parent_name, &seen, &parent)) != 0)
		return r;
	if (seen == PARENT_SUITS)
		return sign_under(tpm, h, parent, digest, ret);
	return sign_elsewhere(tpm, key, seen, digest, ret);
}

/* --- with one ---------------------------------------------------------- */

static int
meet_with_pin(struct tpm *tpm, const struct handle *h, ESYS_TR session)
{
	uint32_t handle = tpm_handle_of(tpm, session);
	int r;

	if ((r = sign_meet_pcrs(tpm, h, handle)) == 0 &&
	    (r = session_policy_auth_value(tpm, session)) == 0)
		r = meet_binding(tpm, h, handle);
	return r;
}

static int
meet_with_pin_again(struct tpm *tpm, const struct handle *h, ESYS_TR session)
{
	TSS2_RC rc = policy_session_restart(tpm, tpm_handle_of(tpm, session));

	int r;

	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "start a session again");
	if ((r = meet_with_pin(tpm, h, session)) == 0)
		tpm_next_ends_session(tpm);
	return r;
}

/*
 * By the parent's empty password. The session goes along: its answer shows that
 * the real parent is there before anything made of the PIN is sent. What it was
 * shown before that would be forgotten.
 */
static int
load_in(struct tpm *tpm, const struct handle *h, const struct parent *parent,
    ESYS_TR session, ESYS_TR *ret)
{
	TPM2B_PRIVATE private;
	TPM2B_PUBLIC public;
	TSS2_RC rc;
	int r;

	if ((r = blob_read_public(&h->tpm_public, &public)) != 0 ||
	    (r = blob_read_private(&h->tpm_private, &private)) != 0 ||
	    (r = session_encrypt_answer(tpm, session)) != 0)
		return r;
	rc = TPM_RETRY(Esys_Load(tpm_esys(tpm), parent->object,
	    ESYS_TR_PASSWORD, session, ESYS_TR_NONE, &private, &public, ret));
	return rc == TSS2_RC_SUCCESS ? 0 : load_fail(rc, session);
}

/* Signs with a loaded key, and ends the session; sets it to none then. */
static int
use_with_pin(struct tpm *tpm, const struct handle *h, ESYS_TR object,
    ESYS_TR *session, struct slice auth_value, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret)
{
	TPMT_SIGNATURE *sig = NULL;
	TSS2_RC rc;
	int r;

	if ((r = session_set_auth(tpm, object, auth_value)) != 0 ||
	    (r = session_end_with_next(tpm, *session)) != 0)
		return r;
	rc = sign_digest(tpm, object, *session, digest, &sig);
	for (int i = 0; i < SIGN_MAX_PCR_CHANGES && r == 0 &&
	     tpm_rc(rc) == TPM2_RC_PCR_CHANGED;
	     i++)
		if ((r = meet_with_pin_again(tpm, h, *session)) == 0)
			rc = sign_digest(tpm, object, *session, digest, &sig);
	if (r == 0 && rc != TSS2_RC_SUCCESS)
		r = load_use_fail(rc, *session);
	if (r != 0)
		return r;
	*session = ESYS_TR_PASSWORD; /* ended by the TPM */
	r = sign_read(sig, ret);
	Esys_Free(sig);
	return r;
}

static int
sign_with_pin(struct tpm *tpm, const struct checked_key *key,
    struct slice auth_value, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret)
{
	const struct handle *h = key->handle;
	ESYS_TR object = ESYS_TR_NONE, session = ESYS_TR_PASSWORD;
	struct parent parent = { .object = ESYS_TR_NONE };
	int r;

	if ((r = parent_find(tpm, h->parent, h->parent_name, &parent)) != 0)
		return r;
	if ((r = session_start_policy(tpm, parent.object, &session)) == 0)
		r = load_in(tpm, h, &parent, session, &object);
	parent_close(tpm, &parent);
	if (r == 0 && (r = meet_with_pin(tpm, h, session)) == 0) {
		r = use_with_pin(
		    tpm, h, object, &session, auth_value, digest, ret);
		session_forget_auth(tpm, object);
	}
	session_end(tpm, &session);
	tpm_flush_last(tpm, &object);
	return r;
}

int
sign_by_policy(struct tpm *tpm, const struct checked_key *key,
    struct slice auth_value, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret)
{
	struct bytes no_ticket = { 0 };

	if (key->handle->auth == HANDLE_AUTH_PIN_OBJECT)
		return key_sign_for_ticket(
		    tpm, key, auth_value, 0, digest, ret, &no_ticket);
	if (key->handle->auth == HANDLE_AUTH_PIN)
		return sign_with_pin(tpm, key, auth_value, digest, ret);
	return sign_without_pin(tpm, key, digest, ret);
}
