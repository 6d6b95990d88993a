/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "key/blob.h"
#include "key/conditions.h"
#include "key/load.h"
#include "key/sign-policy.h"
#include "key/sign.h"
#include "tpm/bare.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/session.h"

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
sign_read(const TPMT_SIGNATURE *sig, struct ec_signature *ret)
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

/*
 * By TPM handles: nothing secret is sent, so there is no session to make, and
 * no more to be known of the parent than its handle.
 */
static int
sign_under(struct tpm *tpm, const struct handle *h, uint32_t parent,
    const uint8_t digest[SHA256_LEN], struct ec_signature *ret)
{
	TPMT_SIGNATURE signature;
	TPM2B_PRIVATE private;
	TPM2B_PUBLIC public;
	uint32_t object;
	TSS2_RC rc;
	int r;

	if ((r = blob_read_public(&h->tpm_public, &public)) != 0 ||
	    (r = blob_read_private(&h->tpm_private, &private)) != 0)
		return r;
	rc = bare_load(
	    tpm, parent, &BARE_AUTH_EMPTY, &private, &public, &object);
	if (rc != TSS2_RC_SUCCESS)
		return load_fail(rc, ESYS_TR_PASSWORD);
	rc = bare_sign(tpm, object, &BARE_AUTH_EMPTY, digest, &signature);
	bare_flush_last(tpm, object);
	if (rc != TSS2_RC_SUCCESS)
		return load_use_fail(rc, ESYS_TR_PASSWORD);
	return sign_read(&signature, ret);
}

TSS2_RC
sign_digest(struct tpm *tpm, ESYS_TR object, ESYS_TR session,
    const uint8_t digest[SHA256_LEN], TPMT_SIGNATURE **ret)
{
	/* cppcheck-suppress legacyUninitvar; the rest is zero */
	const TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
	/* For keys that sign any digest: a ticket that certifies nothing. */
	const TPMT_TK_HASHCHECK ticket = {
		.tag = TPM2_ST_HASHCHECK,
		.hierarchy = TPM2_RH_NULL,
	};
	TPM2B_DIGEST in = { .size = SHA256_LEN };

	memcpy(in.buffer, digest, SHA256_LEN);
	return TPM_RETRY(Esys_Sign(tpm_esys(tpm), object, session, ESYS_TR_NONE,
	    ESYS_TR_NONE, &in, &scheme, &ticket, ret));
}

/*
 * By ESYS, with a key that is loaded. A session ends with that, and the key is
 * flushed.
 */
static int
sign_loaded(struct tpm *tpm, ESYS_TR object, ESYS_TR *session,
    struct slice auth_value, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret)
{
	TPMT_SIGNATURE *sig = NULL;
	TSS2_RC rc;
	int r;

	if (*session != ESYS_TR_PASSWORD &&
	    ((r = session_set_auth(tpm, object, auth_value)) != 0 ||
		(r = session_end_with_next(tpm, *session)) != 0))
		goto out;
	rc = sign_digest(tpm, object, *session, digest, &sig);
	if (rc != TSS2_RC_SUCCESS) {
		r = load_use_fail(rc, *session);
		goto out;
	}
	*session = ESYS_TR_PASSWORD; /* ended by the TPM */
	r = sign_read(sig, ret);
out:
	session_forget_auth(tpm, object);
	session_end(tpm, session);
	tpm_flush_last(tpm, &object);
	Esys_Free(sig);
	return r;
}

/*
 * A key with a PIN in a session that is salted to the parent; any key under a
 * parent that has to be looked for.
 */
static int
sign_by_esys(struct tpm *tpm, const struct checked_key *key,
    enum parent_state seen, struct slice auth_value,
    const uint8_t digest[SHA256_LEN], struct ec_signature *ret)
{
	ESYS_TR object = ESYS_TR_NONE, session = ESYS_TR_PASSWORD;
	int r;

	if ((r = load_key(tpm, key, seen, &object, &session)) != 0)
		return r;
	return sign_loaded(tpm, object, &session, auth_value, digest, ret);
}

int
key_sign(struct tpm *tpm, const struct checked_key *key,
    struct slice auth_value, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret)
{
	const struct handle *h = key->handle;
	enum parent_state seen = PARENT_UNKNOWN;
	uint32_t parent;
	int r;

	if (conditions_need_policy(h))
		return sign_by_policy(tpm, key, auth_value, digest, ret);
	if (h->auth == HANDLE_AUTH_NONE) {
		if ((r = parent_look_first(
			 tpm, h->parent, h->parent_name, &seen, &parent)) != 0)
			return r;
		if (seen == PARENT_SUITS)
			return sign_under(tpm, h, parent, digest, ret);
	}
	return sign_by_esys(tpm, key, seen, auth_value, digest, ret);
}

int
key_prove(struct tpm *tpm, const struct checked_key *key,
    struct key_tools *tools, struct slice auth_value,
    const uint8_t digest[SHA256_LEN], struct ec_signature *ret)
{
	ESYS_TR object = ESYS_TR_NONE;
	int r;

	if (conditions_need_policy(key->handle)) {
		key_tools_end(tpm, tools);
		return sign_by_policy(tpm, key, auth_value, digest, ret);
	}
	r = load_in_session(tpm, key, &tools->parent, tools->session, &object);
	/* Before the key is used: a manager would carry it along. */
	parent_close(tpm, &tools->parent);
	return r != 0 ? r
		      : sign_loaded(tpm, object, &tools->session, auth_value,
			    digest, ret);
}
