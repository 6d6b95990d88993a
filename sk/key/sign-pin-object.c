/* SPDX-License-Identifier: ISC */
#include "base/error.h"
#include "base/log.h"
#include "key/conditions.h"
#include "key/load.h"
#include "key/pin-object.h"
#include "key/sign-pin-object.h"
#include "key/sign-policy.h"
#include "key/sign.h"
#include "tpm/bare.h"
#include "tpm/object.h"
#include "tpm/policy-secret.h"
#include "tpm/policy-session.h"
#include "tpm/rc.h"
#include "tpm/session.h"

/* The part of a ticket's life that a key with PCRs needs for itself. */
#define OWN_TICKET_SECONDS 60

/* --- in the policy session --------------------------------------------- */

static int
meet_by_ticket(struct tpm *tpm, const struct handle *h, uint32_t session,
    struct slice ticket)
{
	uint8_t name[TPM_NAME_LEN], binding[HANDLE_BINDING_LEN];
	TSS2_RC rc;
	int r;

	if ((r = sign_meet_pcrs(tpm, h, session)) != 0 ||
	    (r = conditions_pin_object_name(h, name)) != 0 ||
	    (r = handle_binding(h, binding)) != 0)
		return r;
	rc = policy_session_ticket(tpm, session, ticket,
	    (struct slice){ name, sizeof(name) },
	    (struct slice){ binding, sizeof(binding) });
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "take the ticket of a PIN");
	return 0;
}

/*
 * Signs with a loaded key in a session that has met its conditions, and has the
 * TPM end it. A ticket meets them again where PCRs changed meanwhile.
 */
static int
use(struct tpm *tpm, const struct handle *h, uint32_t object, uint32_t session,
    struct slice ticket, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret)
{
	const struct bare_auth auth = { .session = session };
	TPMT_SIGNATURE signature;
	TSS2_RC rc;
	int r;

	rc = bare_sign(tpm, object, &auth, digest, &signature);
	for (int i = 0; i < SIGN_MAX_PCR_CHANGES &&
	     tpm_rc(rc) == TPM2_RC_PCR_CHANGED && ticket.len > 0;
	     i++) {
		if ((rc = policy_session_restart(tpm, session)) !=
		    TSS2_RC_SUCCESS)
			break;
		if ((r = meet_by_ticket(tpm, h, session, ticket)) != 0)
			return r;
		rc = bare_sign(tpm, object, &auth, digest, &signature);
	}
	if (rc != TSS2_RC_SUCCESS)
		return load_use_fail(rc, ESYS_TR_PASSWORD);
	return sign_read(&signature, ret);
}

/*
 * The same with the key's persistent copy, which is not read before: a policy
 * session costs no try of the TPM's, whatever is at that handle. *ret_done is
 * false where the TPM refuses, and the session is as before.
 */
static int
use_copy(struct tpm *tpm, const struct handle *h, uint32_t session,
    const uint8_t digest[SHA256_LEN], bool *ret_done, struct ec_signature *ret)
{
	const struct bare_auth auth = { .session = session };
	TPMT_SIGNATURE signature;

	*ret_done = false;
	if (h->persistent == 0)
		return 0;
	if (bare_sign(tpm, h->persistent, &auth, digest, &signature) !=
	    TSS2_RC_SUCCESS) {
		log_debug(
		    "the key has no persistent copy at 0x%08x", h->persistent);
		return 0;
	}
	*ret_done = true;
	return sign_read(&signature, ret);
}

/* --- by ticket --------------------------------------------------------- */

/*
 * The TPM handle of the key's parent: where the key handle says, unread, or
 * found by ESYS where it was none that lasts. *ret_parent is the caller's to
 * close.
 */
static int
find_parent(struct tpm *tpm, const struct handle *h, uint32_t *ret,
    struct parent *ret_parent)
{
	int r;

	if (h->parent >= HANDLE_PARENT_PERSISTENT_FIRST) {
		*ret = h->parent;
		return 0;
	}
	if ((r = parent_find(tpm, h->parent, h->parent_name, ret_parent)) == 0)
		*ret = tpm_handle_of(tpm, ret_parent->object);
	return r;
}

static int
sign_by_ticket(struct tpm *tpm, const struct handle *h, uint32_t session,
    struct slice ticket, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret)
{
	struct parent parent = { .object = ESYS_TR_NONE };
	uint32_t where, object;
	bool done;
	int r;

	if ((r = meet_by_ticket(tpm, h, session, ticket)) != 0 ||
	    (r = use_copy(tpm, h, session, digest, &done, ret)) != 0 || done ||
	    (r = find_parent(tpm, h, &where, &parent)) != 0)
		return r;
	r = load_bare(tpm, h, where, &object);
	parent_close(tpm, &parent);
	if (r != 0)
		return r;
	r = use(tpm, h, object, session, ticket, digest, ret);
	bare_flush_last(tpm, object);
	return r;
}

/* What the PIN may help against, as it goes another way. */
static int
ticket_fail(int r)
{
	switch (r) {
	case FAIL_TPM:
	case FAIL_HANDLE:
	case FAIL_PARENT:
	case FAIL_OTHER_TPM:
		return fail(FAIL_TICKET,
		    "the TPM no longer takes the ticket of the PIN: %s",
		    log_cause());
	default:
		return r;
	}
}

int
key_sign_with_ticket(struct tpm *tpm, const struct checked_key *key,
    struct slice ticket, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret)
{
	uint32_t session;
	TSS2_RC rc;
	int r;

	if ((rc = policy_session_start(tpm, &session)) != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "start a session");
	r = sign_by_ticket(tpm, key->handle, session, ticket, digest, ret);
	if (r != 0)
		bare_flush_last(tpm, session);
	return ticket_fail(r);
}

/* --- by PIN ------------------------------------------------------------ */

/* Has the PIN object authorize the policy session. */
static int
enter_pin(struct tpm *tpm, const struct handle *h, const struct parent *parent,
    ESYS_TR policy, struct slice auth_value, uint32_t seconds,
    struct bytes *ret_ticket)
{
	ESYS_TR object = ESYS_TR_NONE, session = ESYS_TR_PASSWORD;
	uint8_t binding[HANDLE_BINDING_LEN];
	TSS2_RC rc;
	int r;

	if ((r = handle_binding(h, binding)) != 0 ||
	    (r = pin_object_load(tpm, h, parent, &object, &session)) != 0)
		return r;
	if ((r = session_set_auth(tpm, object, auth_value)) != 0 ||
	    (r = session_end_with_next(tpm, session)) != 0)
		goto out;
	rc = policy_session_secret(tpm, object, session, policy,
	    (struct slice){ binding, sizeof(binding) }, seconds, ret_ticket);
	if (rc == TSS2_RC_SUCCESS)
		session = ESYS_TR_PASSWORD; /* ended by the TPM */
	else
		r = load_use_fail(rc, session);
out:
	session_forget_auth(tpm, object);
	session_end(tpm, &session);
	tpm_flush_last(tpm, &object);
	return r;
}

/* The policy session, the older of two, is the one that signs. */
static int
sign_by_pin(struct tpm *tpm, const struct handle *h, ESYS_TR policy,
    struct slice auth_value, uint32_t seconds, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret, struct bytes *ret_ticket)
{
	uint32_t session = tpm_handle_of(tpm, policy), object;
	struct parent parent = { .object = ESYS_TR_NONE };
	bool done = false;
	int r;

	/* Before the PIN: it is of no use where these differ. */
	if ((r = sign_meet_pcrs(tpm, h, session)) != 0 ||
	    (r = parent_find(tpm, h->parent, h->parent_name, &parent)) != 0)
		return r;
	if ((r = enter_pin(tpm, h, &parent, policy, auth_value, seconds,
		 ret_ticket)) == 0 &&
	    (r = use_copy(tpm, h, session, digest, &done, ret)) == 0 && !done)
		r = load_bare(
		    tpm, h, tpm_handle_of(tpm, parent.object), &object);
	parent_close(tpm, &parent);
	if (r != 0 || done)
		return r;
	r = use(tpm, h, object, session, bytes_slice(ret_ticket), digest, ret);
	bare_flush_last(tpm, object);
	return r;
}

int
key_sign_for_ticket(struct tpm *tpm, const struct checked_key *key,
    struct slice auth_value, uint32_t seconds, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret, struct bytes *ret_ticket)
{
	const struct handle *h = key->handle;
	struct bytes ticket = { 0 };
	ESYS_TR policy;
	int r;

	if ((r = session_start_policy(tpm, ESYS_TR_NONE, &policy)) != 0)
		return r;
	r = sign_by_pin(tpm, h, policy, auth_value,
	    seconds == 0 && h->pcrs != 0 ? OWN_TICKET_SECONDS : seconds, digest,
	    ret, &ticket);
	if (r != 0)
		tpm_flush_last(tpm, &policy);
	else if (seconds > 0)
		bytes_move(&ticket, ret_ticket);
	bytes_reset(&ticket);
	return r;
}
