/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <tss2/tss2_mu.h>

#include "base/error.h"
#include "base/log.h"
#include "key/key.h"
#include "key/parent.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/session.h"

/* The attribute noDA is added where it belongs, see expected_public. */
static const TPM2B_PUBLIC template = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = TPMA_OBJECT_FIXEDTPM |
		    TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
		    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_SIGN_ENCRYPT,
		.parameters.eccDetail = {
			.symmetric.algorithm = TPM2_ALG_NULL,
			.scheme = {
				.scheme = TPM2_ALG_ECDSA,
				.details.ecdsa.hashAlg = TPM2_ALG_SHA256,
			},
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
	},
};

/* The public area that a handle's key must have, but for its point. */
static int
expected_public(const struct handle *h, TPM2B_PUBLIC *ret)
{
	TPM2B_DIGEST *policy = &ret->publicArea.authPolicy;

	if (h->auth == HANDLE_AUTH_PIN_OBJECT || h->pcrs != 0)
		return fail(FAIL_VERSION,
		    "the key has conditions, a lifetime of its PIN or values "
		    "of PCRs, that this sk-tpm cannot meet; use a later one");
	*ret = template;
	/*
	 * Without a PIN there is nothing to guess, and the TPM would refuse
	 * the key for as long as somebody else's guesses have it locked. With
	 * one, it is the TPM that counts the guesses.
	 */
	if (h->auth == HANDLE_AUTH_NONE)
		ret->publicArea.objectAttributes |= TPMA_OBJECT_NODA;
	policy->size = HANDLE_BINDING_LEN;
	return handle_binding(h, policy->buffer);
}

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

/*
 * Takes only the point from what the handle holds: the rest is built as we
 * would have made it, and has to give the same bytes. (tpm2-tss before 4.0
 * unmarshals some malformed structures; this does not depend on it.)
 */
static int
check_public(const struct handle *h, TPM2B_PUBLIC *ret)
{
	TPM2B_PUBLIC actual = { 0 }, expected;
	struct bytes again = { 0 };
	size_t used = 0;
	int r;

	if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(h->tpm_public.data,
		h->tpm_public.len, &used, &actual) != TSS2_RC_SUCCESS ||
	    actual.publicArea.type != TPM2_ALG_ECC)
		return altered("public area");
	if ((r = expected_public(h, &expected)) != 0)
		return r;
	expected.publicArea.unique = actual.publicArea.unique;
	if ((r = marshal_public(&expected, &again)) != 0)
		return r;
	if (slice_equal(bytes_slice(&again), bytes_slice(&h->tpm_public)))
		*ret = expected;
	else
		r = altered("attributes");
	bytes_reset(&again);
	return r;
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

int
key_point(const struct handle *h, struct ec_point *ret)
{
	struct ec_point point = { 0 };
	TPM2B_PUBLIC public;
	int r;

	if ((r = check_public(h, &public)) != 0)
		return r;
	if (!pad_number(&public.publicArea.unique.ecc.x, point.x) ||
	    !pad_number(&public.publicArea.unique.ecc.y, point.y))
		return altered("point");
	*ret = point;
	return 0;
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
    struct handle *ret_handle, struct ec_point *ret_point)
{
	struct parent parent = { .object = ESYS_TR_NONE };
	struct handle h = { 0 };
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
	if ((r = expected_public(&h, &wanted)) != 0 ||
	    (r = create(tpm, &parent, &wanted, wishes->auth_value, &h)) != 0)
		goto out;
	if ((r = key_point(&h, ret_point)) != 0) {
		if (r == FAIL_HANDLE)
			r = fail(FAIL_FORGED,
			    "the TPM created another key than it was asked "
			    "for");
		goto out;
	}
	*ret_handle = h;
	h = (struct handle){ 0 };
out:
	parent_close(tpm, &parent);
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
load_under(struct tpm *tpm, const struct handle *h, const struct parent *parent,
    ESYS_TR *ret_key, ESYS_TR *ret_session)
{
	ESYS_TR session = ESYS_TR_PASSWORD;
	TPM2B_PRIVATE private;
	TPM2B_PUBLIC public;
	TSS2_RC rc;
	int r;

	if ((r = check_public(h, &public)) != 0 ||
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
load(struct tpm *tpm, const struct handle *h, ESYS_TR *ret_key,
    ESYS_TR *ret_session)
{
	struct parent parent = { .object = ESYS_TR_NONE };
	int r;

	if ((r = parent_find(tpm, h->parent, h->parent_name, &parent)) != 0)
		return r;
	r = load_under(tpm, h, &parent, ret_key, ret_session);
	/* Before the key is used: a manager would carry it along. */
	parent_close(tpm, &parent);
	return r;
}

int
key_check(struct tpm *tpm, const struct handle *h)
{
	ESYS_TR key = ESYS_TR_NONE, session = ESYS_TR_PASSWORD;
	int r;

	if ((r = load(tpm, h, &key, &session)) != 0)
		return r;
	session_end(tpm, &session);
	tpm_flush_last(tpm, &key);
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

/* For the one use of the key after which the session ends. */
static int
authorize(
    struct tpm *tpm, ESYS_TR key, ESYS_TR session, struct slice auth_value)
{
	int r;

	if (session == ESYS_TR_PASSWORD)
		return 0;
	if ((r = session_set_auth(tpm, key, auth_value)) != 0)
		return r;
	return session_end_with_next(tpm, session);
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
key_sign(struct tpm *tpm, const struct handle *h, struct slice auth_value,
    const uint8_t digest[SHA256_LEN], struct ec_signature *ret)
{
	/* cppcheck-suppress legacyUninitvar; the rest is zero */
	const TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
	/* For keys that sign any digest: a ticket that certifies nothing. */
	const TPMT_TK_HASHCHECK ticket = {
		.tag = TPM2_ST_HASHCHECK,
		.hierarchy = TPM2_RH_NULL,
	};
	TPM2B_DIGEST in = { .size = SHA256_LEN };
	ESYS_TR key = ESYS_TR_NONE, session = ESYS_TR_PASSWORD;
	TPMT_SIGNATURE *sig = NULL;
	TSS2_RC rc;
	int r;

	if ((r = load(tpm, h, &key, &session)) != 0)
		return r;
	if ((r = authorize(tpm, key, session, auth_value)) != 0)
		goto out;
	memcpy(in.buffer, digest, SHA256_LEN);
	rc = TPM_RETRY(Esys_Sign(tpm_esys(tpm), key, session, ESYS_TR_NONE,
	    ESYS_TR_NONE, &in, &scheme, &ticket, &sig));
	if (rc != TSS2_RC_SUCCESS) {
		r = sign_fail(rc, session);
		goto out;
	}
	session = ESYS_TR_PASSWORD; /* ended by the TPM, with its use */
	r = read_signature(sig, ret);
out:
	session_forget_auth(tpm, key);
	session_end(tpm, &session);
	tpm_flush_last(tpm, &key);
	Esys_Free(sig);
	return r;
}

/* TPM2_ObjectChangeAuth, the new authValue encrypted on its way. */
static int
change_auth(struct tpm *tpm, ESYS_TR key, const struct parent *parent,
    ESYS_TR session, struct slice new_auth, struct handle *h)
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
		r = marshal_private(private, &h->tpm_private);
	Esys_Free(private);
	return r;
}

int
key_change_auth(struct tpm *tpm, struct handle *h, struct slice old_auth,
    struct slice new_auth)
{
	ESYS_TR key = ESYS_TR_NONE, session = ESYS_TR_PASSWORD;
	struct parent parent = { .object = ESYS_TR_NONE };
	int r;

	if ((r = parent_find(tpm, h->parent, h->parent_name, &parent)) != 0)
		return r;
	r = load_under(tpm, h, &parent, &key, &session);
	if (r == 0) {
		if ((r = session_set_auth(tpm, key, old_auth)) == 0)
			r = change_auth(
			    tpm, key, &parent, session, new_auth, h);
		session_forget_auth(tpm, key);
		session_end(tpm, &session);
		tpm_flush(tpm, &key);
	}
	parent_close(tpm, &parent);
	return r;
}
