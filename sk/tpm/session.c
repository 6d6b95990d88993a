/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/session.h"

static int
start(struct tpm *tpm, ESYS_TR salt_key, TPM2_SE type, ESYS_TR *ret)
{
	const TPMT_SYM_DEF symmetric = {
		.algorithm = TPM2_ALG_AES,
		.keyBits.aes = 128,
		.mode.aes = TPM2_ALG_CFB,
	};
	ESYS_TR session = ESYS_TR_NONE;
	TSS2_RC rc;

	rc = TPM_RETRY(Esys_StartAuthSession(tpm_esys(tpm), salt_key,
	    ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, type,
	    &symmetric, TPM2_ALG_SHA256, &session));
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "start a session");
	rc = Esys_TRSess_SetAttributes(
	    tpm_esys(tpm), session, TPMA_SESSION_CONTINUESESSION, 0xff);
	if (rc != TSS2_RC_SUCCESS) {
		tpm_flush(tpm, &session);
		return tpm_fail(rc, "set up a session");
	}
	*ret = session;
	return 0;
}

int
session_start(struct tpm *tpm, ESYS_TR salt_key, ESYS_TR *ret)
{
	return start(tpm, salt_key, TPM2_SE_HMAC, ret);
}

int
session_start_policy(struct tpm *tpm, ESYS_TR salt_key, ESYS_TR *ret)
{
	return start(tpm, salt_key, TPM2_SE_POLICY, ret);
}

int
session_policy_auth_value(struct tpm *tpm, ESYS_TR session)
{
	TSS2_RC rc;

	rc = TPM_RETRY(Esys_PolicyAuthValue(
	    tpm_esys(tpm), session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE));
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "take a PIN as a condition");
	return 0;
}

int
session_set_auth(struct tpm *tpm, ESYS_TR object, struct slice auth_value)
{
	TPM2B_AUTH auth = { .size = (UINT16)auth_value.len };
	TSS2_RC rc;

	if (auth_value.len > sizeof(auth.buffer))
		return fail(
		    FAIL_INTERNAL, "authValue of %zu bytes", auth_value.len);
	if (auth_value.len > 0)
		memcpy(auth.buffer, auth_value.data, auth_value.len);
	rc = Esys_TR_SetAuth(tpm_esys(tpm), object, &auth);
	explicit_bzero(&auth, sizeof(auth));
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "take a PIN or password");
	return 0;
}

void
session_overwrite_auth(struct tpm *tpm, ESYS_TR object, uint8_t with)
{
	TPM2B_AUTH auth = { .size = sizeof(auth.buffer) };

	memset(auth.buffer, with, sizeof(auth.buffer));
	if (Esys_TR_SetAuth(tpm_esys(tpm), object, &auth) != TSS2_RC_SUCCESS)
		log_debug("an authValue was not wiped");
}

void
session_forget_auth(struct tpm *tpm, ESYS_TR object)
{
	session_overwrite_auth(tpm, object, 0);
}

void
session_end(struct tpm *tpm, ESYS_TR *session)
{
	if (*session != ESYS_TR_PASSWORD)
		tpm_flush(tpm, session);
}

static int
set_attributes(
    struct tpm *tpm, ESYS_TR session, TPMA_SESSION values, TPMA_SESSION mask)
{
	TSS2_RC rc;

	rc = Esys_TRSess_SetAttributes(tpm_esys(tpm), session, values, mask);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "set up a session");
	return 0;
}

int
session_encrypt(struct tpm *tpm, ESYS_TR session)
{
	/* Named from the TPM's side: it decrypts what we send. */
	return set_attributes(
	    tpm, session, TPMA_SESSION_DECRYPT, TPMA_SESSION_DECRYPT);
}

int
session_encrypt_answer(struct tpm *tpm, ESYS_TR session)
{
	return set_attributes(
	    tpm, session, TPMA_SESSION_ENCRYPT, TPMA_SESSION_ENCRYPT);
}

int
session_audit(struct tpm *tpm, ESYS_TR session)
{
	return set_attributes(
	    tpm, session, TPMA_SESSION_AUDIT, TPMA_SESSION_AUDIT);
}

int
session_end_with_next(struct tpm *tpm, ESYS_TR session)
{
	int r = set_attributes(tpm, session, 0,
	    TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_ENCRYPT);

	if (r == 0)
		tpm_next_ends_session(tpm);
	return r;
}
