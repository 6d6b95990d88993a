/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <tss2/tss2_mu.h>

#include "attest/activate.h"
#include "base/error.h"
#include "base/log.h"
#include "key/load.h"
#include "tpm/object.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/session.h"

static int
refused(const char *why)
{
	return fail(FAIL_CHALLENGE, "the CA's challenge %s", why);
}

/* Both structures, each with nothing behind it. */
static int
unmarshal(const struct challenge *in, TPM2B_ID_OBJECT *ret_id_object,
    TPM2B_ENCRYPTED_SECRET *ret_secret)
{
	size_t used = 0;

	*ret_id_object = (TPM2B_ID_OBJECT){ 0 };
	*ret_secret = (TPM2B_ENCRYPTED_SECRET){ 0 };
	if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(in->id_object.data,
		in->id_object.len, &used, ret_id_object) != TSS2_RC_SUCCESS ||
	    used != in->id_object.len)
		return refused("is damaged");
	used = 0;
	if (Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(in->encrypted_secret.data,
		in->encrypted_secret.len, &used,
		ret_secret) != TSS2_RC_SUCCESS ||
	    used != in->encrypted_secret.len)
		return refused("is damaged");
	return 0;
}

/*
 * What TPMs say of a challenge that they do not decrypt: INTEGRITY for another
 * Name, or another EK of ECC; FAILURE for another EK of RSA, which is not what
 * that means of the TPM; SIZE for an EK of another kind; the rest for damage.
 */
static bool
is_refusal(TPM2_RC rc)
{
	return rc == TPM2_RC_INTEGRITY || rc == TPM2_RC_FAILURE ||
	    rc == TPM2_RC_SIZE || rc == TPM2_RC_ECC_POINT ||
	    rc == TPM2_RC_VALUE || rc == TPM2_RC_INSUFFICIENT;
}

static int
activate_fail(TSS2_RC rc, ESYS_TR session)
{
	if (is_refusal(tpm_rc(rc)))
		return refused("is not for this key in this TPM, or was "
			       "damaged on its way");
	return load_use_fail(rc, session);
}

/* A key of ours and the policy session of the EK, ready for the command. */
struct ready {
	struct loaded_key key;
	ESYS_TR policy;
};

/*
 * The command itself. A policy session ends with it; the session of a key with
 * a PIN is another one.
 */
static int
decrypt(struct tpm *tpm, const struct activation *a, struct ready *ready,
    uint8_t ret_secret[ACTIVATE_SECRET_LEN])
{
	TPM2B_ENCRYPTED_SECRET encrypted;
	TPM2B_DIGEST *secret = NULL;
	TPM2B_ID_OBJECT id_object;
	TSS2_RC rc;
	int r;

	if ((r = unmarshal(&a->challenge, &id_object, &encrypted)) != 0 ||
	    (r = session_end_with_next(tpm, ready->policy)) != 0)
		return r;
	rc = TPM_RETRY(Esys_ActivateCredential(tpm_esys(tpm), ready->key.object,
	    a->ek->object, ready->key.session, ready->policy, ESYS_TR_NONE,
	    &id_object, &encrypted, &secret));
	if (rc != TSS2_RC_SUCCESS)
		return activate_fail(rc, ready->key.session);
	ready->policy = ESYS_TR_NONE;
	if (secret->size == ACTIVATE_SECRET_LEN)
		memcpy(ret_secret, secret->buffer, ACTIVATE_SECRET_LEN);
	else
		r = refused("has a secret of another length than ours");
	explicit_bzero(secret->buffer, sizeof(secret->buffer));
	Esys_Free(secret);
	return r;
}

/*
 * The TPM gives each object a handle of its own. An EK with the key's would
 * have the TPM refuse the key's authorization, which costs a try.
 */
static int
are_apart(struct tpm *tpm, const struct activation *a, ESYS_TR key)
{
	if (tpm_handle_of(tpm, a->ek->object) != tpm_handle_of(tpm, key))
		return 0;
	return fail(FAIL_FORGED,
	    "something between us and the TPM alters the handles of its keys");
}

/* Has a PIN, and the answer encrypted, in the session that loaded the key. */
static int
use_pin(struct tpm *tpm, const struct activation *a, const struct ready *ready)
{
	int r;

	if (ready->key.session == ESYS_TR_PASSWORD)
		return 0;
	if ((r = session_set_auth(tpm, ready->key.object, a->auth_value)) == 0)
		r = session_encrypt_answer(tpm, ready->key.session);
	return r;
}

static int
load_and_decrypt(struct tpm *tpm, const struct activation *a,
    uint8_t ret_secret[ACTIVATE_SECRET_LEN])
{
	struct ready ready = { .policy = ESYS_TR_NONE };
	int r;

	if ((r = load_key(tpm, a->key, PARENT_UNKNOWN, &ready.key)) != 0)
		return r;
	if ((r = are_apart(tpm, a, ready.key.object)) == 0 &&
	    (r = ek_authorize(tpm, a->ek, a->endorsement, &ready.policy)) ==
		0 &&
	    (r = use_pin(tpm, a, &ready)) == 0)
		r = decrypt(tpm, a, &ready, ret_secret);
	tpm_flush(tpm, &ready.policy);
	load_end(tpm, &ready.key);
	return r;
}

int
activate(struct tpm *tpm, const struct activation *a,
    uint8_t ret_secret[ACTIVATE_SECRET_LEN])
{
	int r;

	if (a->key->handle->auth != HANDLE_AUTH_PIN)
		return load_and_decrypt(tpm, a, ret_secret);
	if (a->auth_value.len == 0)
		return fail(FAIL_PIN_REQUIRED, "this key needs its PIN");
	if ((r = lockout_begin_try(tpm, a->tcti, a->last_try)) != 0)
		return r;
	return lockout_end_try(tpm, load_and_decrypt(tpm, a, ret_secret));
}
