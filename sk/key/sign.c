/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "key/conditions.h"
#include "key/copy.h"
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
	uint32_t object;
	TSS2_RC rc;
	int r;

	if ((r = load_bare(tpm, h, parent, &object)) != 0)
		return r;
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
 * By ESYS, with a key that is ready to be used. A session ends with that, and
 * the key is let go.
 */
static int
sign_loaded(struct tpm *tpm, struct loaded_key *key, struct slice auth_value,
    const uint8_t digest[SHA256_LEN], struct ec_signature *ret)
{
	TPMT_SIGNATURE *sig = NULL;
	TSS2_RC rc;
	int r;

	if (key->session != ESYS_TR_PASSWORD &&
	    ((r = session_set_auth(tpm, key->object, auth_value)) != 0 ||
		(r = session_end_with_next(tpm, key->session)) != 0))
		goto out;
	rc = sign_digest(tpm, key->object, key->session, digest, &sig);
	if (rc != TSS2_RC_SUCCESS) {
		r = load_use_fail(rc, key->session);
		goto out;
	}
	key->session = ESYS_TR_PASSWORD; /* ended by the TPM */
	r = sign_read(sig, ret);
out:
	load_end(tpm, key);
	Esys_Free(sig);
	return r;
}

/*
 * By the key's persistent copy, if it is there: the public area says that it is
 * our key, for which no authValue costs a try (noDA). *ret_done is false where
 * there is none, or the authValue is not that of the key handle.
 */
static int
sign_by_copy(struct tpm *tpm, const struct handle *h,
    const uint8_t digest[SHA256_LEN], bool *ret_done, struct ec_signature *ret)
{
	const struct bare_auth auth = { TPM2_RS_PW,
		bytes_slice(&h->persistent_auth) };
	TPMT_SIGNATURE signature;
	TPM2B_PUBLIC public;
	bool there;
	TSS2_RC rc;

	*ret_done = false;
	rc = bare_read_public(tpm, h->persistent, &there, &public);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "read a persistent key");
	if (!there || !copy_has_public(&public, h)) {
		log_debug(
		    "the key has no persistent copy at 0x%08x", h->persistent);
		return 0;
	}
	rc = bare_sign(tpm, h->persistent, &auth, digest, &signature);
	if (tpm_rc(rc) == TPM2_RC_BAD_AUTH || tpm_rc(rc) == TPM2_RC_AUTH_FAIL) {
		log_debug("the persistent copy at 0x%08x has another authValue "
			  "than the key file says",
		    h->persistent);
		return 0;
	}
	if (rc != TSS2_RC_SUCCESS)
		return load_use_fail(rc, ESYS_TR_PASSWORD);
	*ret_done = true;
	return sign_read(&signature, ret);
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
	struct loaded_key loaded;
	int r;

	if ((r = load_key(tpm, key, seen, &loaded)) != 0)
		return r;
	return sign_loaded(tpm, &loaded, auth_value, digest, ret);
}

int
key_sign(struct tpm *tpm, const struct checked_key *key,
    struct slice auth_value, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret)
{
	const struct handle *h = key->handle;
	enum parent_state seen = PARENT_UNKNOWN;
	bool done = false;
	uint32_t parent;
	int r;

	if (conditions_need_policy(h))
		return sign_by_policy(tpm, key, auth_value, digest, ret);
	if (h->auth == HANDLE_AUTH_NONE && h->persistent != 0 &&
	    ((r = sign_by_copy(tpm, h, digest, &done, ret)) != 0 || done))
		return r;
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
	struct loaded_key loaded = { .object = ESYS_TR_NONE };
	int r;

	if (conditions_need_policy(key->handle)) {
		key_tools_end(tpm, tools);
		return sign_by_policy(tpm, key, auth_value, digest, ret);
	}
	r = load_under(
	    tpm, key, &tools->parent, tools->session, &loaded.object);
	/* Before the key is used: a manager would carry it along. */
	parent_close(tpm, &tools->parent);
	if (r != 0)
		return r;
	loaded.session = tools->session;
	tools->session = ESYS_TR_PASSWORD; /* ended with its use */
	return sign_loaded(tpm, &loaded, auth_value, digest, ret);
}
