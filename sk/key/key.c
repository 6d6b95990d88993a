/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <tss2/tss2_mu.h>

#include "base/error.h"
#include "base/log.h"
#include "key/conditions.h"
#include "key/key.h"
#include "key/parent.h"
#include "key/template.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/session.h"

/* --- reading the two TPM structures ------------------------------------ */

static int
altered(const char *what)
{
	return fail(FAIL_HANDLE, "the key handle was altered (%s)", what);
}

static int
marshal_public(const TPM2B_PUBLIC *public, struct bytes *ret)
{
	uint8_t buf[sizeof(TPM2B_PUBLIC)];
	TPM2B_PUBLIC copy = *public;
	size_t len = 0;

	copy.size = 0; /* the marshaller fills it in */
	if (Tss2_MU_TPM2B_PUBLIC_Marshal(&copy, buf, sizeof(buf), &len) !=
	    TSS2_RC_SUCCESS)
		return fail(FAIL_INTERNAL, "cannot marshal a public area");
	return bytes_set(ret, buf, len);
}

int
key_check(const struct handle *h, struct checked_key *ret)
{
	struct ec_point point;
	int r;

	if (conditions_need_policy(h))
		return fail(FAIL_VERSION,
		    "the key has conditions, a lifetime of its PIN or values "
		    "of PCRs, that this sk-tpm cannot meet; use a later one");
	if ((r = template_point(h, bytes_slice(&h->tpm_public), &point)) == 0)
		*ret = (struct checked_key){ h, point };
	return r;
}

/*
 * Of a checked key, or of a template: whose bytes are those that we would have
 * written, so that tpm2-tss reads them as they are meant. (Before 4.0 it takes
 * some malformed ones.)
 */
static int
unmarshal_public(const struct bytes *in, TPM2B_PUBLIC *ret)
{
	size_t used = 0;

	*ret = (TPM2B_PUBLIC){ 0 };
	if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(in->data, in->len, &used, ret) !=
		TSS2_RC_SUCCESS ||
	    used != in->len)
		return fail(FAIL_INTERNAL, "cannot read a public area");
	return 0;
}

static int
unmarshal_private(const struct bytes *in, TPM2B_PRIVATE *ret)
{
	size_t used = 0;

	*ret = (TPM2B_PRIVATE){ 0 };
	if (Tss2_MU_TPM2B_PRIVATE_Unmarshal(in->data, in->len, &used, ret) !=
		TSS2_RC_SUCCESS ||
	    used != in->len)
		return altered("private area");
	return 0;
}

static int
marshal_private(const TPM2B_PRIVATE *private, struct bytes *ret)
{
	uint8_t buf[sizeof(TPM2B_PRIVATE)];
	size_t len = 0;

	if (Tss2_MU_TPM2B_PRIVATE_Marshal(private, buf, sizeof(buf), &len) !=
	    TSS2_RC_SUCCESS)
		return fail(FAIL_INTERNAL, "cannot marshal a private area");
	return bytes_set(ret, buf, len);
}

/* A number of up to 32 bytes, padded in front; false for a longer one. */
static bool
pad_number(const TPM2B_ECC_PARAMETER *in, uint8_t ret[32])
{
	if (in->size > 32)
		return false;
	memset(ret, 0, 32);
	memcpy(ret + 32 - in->size, in->buffer, in->size);
	return true;
}

/* --- in the TPM -------------------------------------------------------- */

/*
 * Create and Load authorize the parent, with the empty password. A session
 * covers all that is sent, so there it may be that and not the password.
 */
static int
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

/*
 * The session that authorizes the parent: a password session where nothing
 * secret is sent, else one that encrypts it and ends with the command.
 */
static int
create_session(struct tpm *tpm, const struct parent *parent,
    struct slice auth_value, ESYS_TR *ret)
{
	int r;

	*ret = ESYS_TR_PASSWORD;
	if (auth_value.len == 0)
		return 0;
	if ((r = session_start(tpm, parent->object, ret)) != 0)
		return r;
	if ((r = session_encrypt(tpm, *ret)) != 0)
		tpm_flush(tpm, ret);
	return r;
}

/* TPM2_Create of `wanted`, marshalled into h. */
static int
create(struct tpm *tpm, const struct parent *parent, const TPM2B_PUBLIC *wanted,
    struct slice auth_value, struct handle *h)
{
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION pcrs = { 0 };
	TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	TPM2B_PRIVATE *private = NULL;
	TPM2B_PUBLIC *public = NULL;
	ESYS_TR session;
	TSS2_RC rc;
	int r;

	if ((r = create_session(tpm, parent, auth_value, &session)) != 0)
		return r;
	sensitive.sensitive.userAuth.size = (UINT16)auth_value.len;
	if (auth_value.len > 0)
		memcpy(sensitive.sensitive.userAuth.buffer, auth_value.data,
		    auth_value.len);
	rc = TPM_RETRY(Esys_Create(tpm_esys(tpm), parent->object, session,
	    ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, wanted, &outside, &pcrs,
	    &private, &public, NULL, NULL, NULL));
	explicit_bzero(&sensitive, sizeof(sensitive));
	if (rc != TSS2_RC_SUCCESS)
		r = parent_fail(rc, session, "create a key");
	else if ((r = marshal_public(public, &h->tpm_public)) == 0)
		r = marshal_private(private, &h->tpm_private);
	session_end(tpm, &session);
	Esys_Free(private);
	Esys_Free(public);
	return r;
}

int
key_create(struct tpm *tpm, const struct key_wishes *wishes,
    struct handle *ret_handle, struct checked_key *ret_key)
{
	struct parent parent = { .object = ESYS_TR_NONE };
	struct bytes template = { 0 };
	struct handle h = { 0 };
	struct checked_key key;
	TPM2B_PUBLIC wanted;
	int r;

	if (wishes->auth_value.len > 0)
		h.auth = HANDLE_AUTH_PIN;
	h.presence = wishes->presence;
	memcpy(h.pin_salt, wishes->pin_salt, sizeof(h.pin_salt));
	memcpy(h.application, wishes->application, sizeof(h.application));
	if ((r = limits_copy(wishes->limits, &h.limits)) != 0 ||
	    (r = parent_for_new(tpm, wishes->parent, &parent)) != 0)
		goto out;
	h.parent = parent.where;
	memcpy(h.parent_name, parent.name, sizeof(h.parent_name));
	if ((r = template_public(&h, NULL, &template)) != 0 ||
	    (r = unmarshal_public(&template, &wanted)) != 0 ||
	    (r = create(tpm, &parent, &wanted, wishes->auth_value, &h)) != 0)
		goto out;
	if ((r = key_check(&h, &key)) != 0) {
		if (r == FAIL_HANDLE)
			r = fail(FAIL_FORGED,
			    "the TPM created another key than it was asked "
			    "for");
		goto out;
	}
	*ret_handle = h;
	*ret_key = (struct checked_key){ ret_handle, key.point };
	h = (struct handle){ 0 };
out:
	parent_close(tpm, &parent);
	bytes_reset(&template);
	handle_reset(&h);
	return r;
}

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

/*
 * Loads the key. For a key with a PIN, *ret_session is a session that has
 * loaded it: its answer has shown that the real parent is there before
 * anything made of the PIN is sent. Else it is ESYS_TR_PASSWORD.
 */
static int
load_under(struct tpm *tpm, const struct checked_key *key,
    const struct parent *parent, ESYS_TR *ret_key, ESYS_TR *ret_session)
{
	const struct handle *h = key->handle;
	ESYS_TR session = ESYS_TR_PASSWORD;
	TPM2B_PRIVATE private;
	TPM2B_PUBLIC public;
	TSS2_RC rc;
	int r;

	if ((r = unmarshal_public(&h->tpm_public, &public)) != 0 ||
	    (r = unmarshal_private(&h->tpm_private, &private)) != 0)
		return r;
	if (h->auth == HANDLE_AUTH_PIN &&
	    (r = session_start(tpm, parent->object, &session)) != 0)
		return r;
	rc = TPM_RETRY(Esys_Load(tpm_esys(tpm), parent->object, session,
	    ESYS_TR_NONE, ESYS_TR_NONE, &private, &public, ret_key));
	if (is_refused_blob(rc))
		r = altered("the TPM refuses the private area");
	else if (rc != TSS2_RC_SUCCESS)
		r = parent_fail(rc, session, "load the key");
	if (r != 0)
		session_end(tpm, &session);
	*ret_session = session;
	return r;
}

static int
load(struct tpm *tpm, const struct checked_key *key, ESYS_TR *ret_key,
    ESYS_TR *ret_session)
{
	const struct handle *h = key->handle;
	struct parent parent = { .object = ESYS_TR_NONE };
	int r;

	if ((r = parent_find(tpm, h->parent, h->parent_name, &parent)) != 0)
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

	if ((r = load(tpm, key, &object, &session)) != 0)
		return r;
	session_end(tpm, &session);
	tpm_flush_last(tpm, &object);
	return 0;
}

static int
read_signature(const TPMT_SIGNATURE *sig, struct ec_signature *ret)
{
	struct ec_signature out = { 0 };

	if (sig->sigAlg != TPM2_ALG_ECDSA)
		return fail(FAIL_FORGED,
		    "the TPM returned a signature of algorithm 0x%04x",
		    sig->sigAlg);
	if (!pad_number(&sig->signature.ecdsa.signatureR, out.r) ||
	    !pad_number(&sig->signature.ecdsa.signatureS, out.s))
		return fail(FAIL_FORGED,
		    "the TPM returned a signature too long for P-256");
	*ret = out;
	return 0;
}

static int
sign_fail(TSS2_RC rc, ESYS_TR session)
{
	if (session != ESYS_TR_PASSWORD &&
	    (tpm_rc(rc) == TPM2_RC_AUTH_FAIL || tpm_rc(rc) == TPM2_RC_BAD_AUTH))
		return fail(FAIL_WRONG_PIN, "wrong PIN");
	return tpm_fail(rc, "use the key");
}

int
key_sign(struct tpm *tpm, const struct checked_key *key,
    struct slice auth_value, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret)
{
	/* cppcheck-suppress legacyUninitvar; the rest is zero */
	const TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
	/* For keys that sign any digest: a ticket that certifies nothing. */
	const TPMT_TK_HASHCHECK ticket = {
		.tag = TPM2_ST_HASHCHECK,
		.hierarchy = TPM2_RH_NULL,
	};
	TPM2B_DIGEST in = { .size = SHA256_LEN };
	ESYS_TR object = ESYS_TR_NONE, session = ESYS_TR_PASSWORD;
	TPMT_SIGNATURE *sig = NULL;
	TSS2_RC rc;
	int r;

	if ((r = load(tpm, key, &object, &session)) != 0)
		return r;
	/* The session ends with its use. */
	if (session != ESYS_TR_PASSWORD &&
	    ((r = session_set_auth(tpm, object, auth_value)) != 0 ||
		(r = session_end_with_next(tpm, session)) != 0))
		goto out;
	memcpy(in.buffer, digest, SHA256_LEN);
	rc = TPM_RETRY(Esys_Sign(tpm_esys(tpm), object, session, ESYS_TR_NONE,
	    ESYS_TR_NONE, &in, &scheme, &ticket, &sig));
	if (rc != TSS2_RC_SUCCESS) {
		r = sign_fail(rc, session);
		goto out;
	}
	session = ESYS_TR_PASSWORD; /* ended by the TPM */
	r = read_signature(sig, ret);
out:
	session_forget_auth(tpm, object);
	session_end(tpm, &session);
	tpm_flush_last(tpm, &object);
	Esys_Free(sig);
	return r;
}

/* TPM2_ObjectChangeAuth, the new authValue encrypted on its way. */
static int
change_auth(struct tpm *tpm, ESYS_TR key, const struct parent *parent,
    ESYS_TR session, struct slice new_auth, struct bytes *ret_private)
{
	TPM2B_AUTH auth = { .size = (UINT16)new_auth.len };
	TPM2B_PRIVATE *private = NULL;
	TSS2_RC rc;
	int r;

	if ((r = session_encrypt(tpm, session)) != 0)
		return r;
	memcpy(auth.buffer, new_auth.data, new_auth.len);
	rc = TPM_RETRY(Esys_ObjectChangeAuth(tpm_esys(tpm), key, parent->object,
	    session, ESYS_TR_NONE, ESYS_TR_NONE, &auth, &private));
	explicit_bzero(&auth, sizeof(auth));
	if (rc != TSS2_RC_SUCCESS)
		r = sign_fail(rc, session);
	else
		r = marshal_private(private, ret_private);
	Esys_Free(private);
	return r;
}

int
key_change_auth(struct tpm *tpm, const struct checked_key *key,
    struct slice old_auth, struct slice new_auth, struct bytes *ret_private)
{
	const struct handle *h = key->handle;
	ESYS_TR object = ESYS_TR_NONE, session = ESYS_TR_PASSWORD;
	struct parent parent = { .object = ESYS_TR_NONE };
	int r;

	if ((r = parent_find(tpm, h->parent, h->parent_name, &parent)) != 0)
		return r;
	r = load_under(tpm, key, &parent, &object, &session);
	if (r == 0) {
		if ((r = session_set_auth(tpm, object, old_auth)) == 0)
			r = change_auth(tpm, object, &parent, session, new_auth,
			    ret_private);
		session_forget_auth(tpm, object);
		session_end(tpm, &session);
		tpm_flush(tpm, &object);
	}
	parent_close(tpm, &parent);
	return r;
}
