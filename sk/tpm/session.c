/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/session.h"

int
session_start(struct tpm *tpm, const struct parent *parent, ESYS_TR *ret)
{
	const TPMT_SYM_DEF symmetric = {
		.algorithm = TPM2_ALG_AES,
		.keyBits.aes = 128,
		.mode.aes = TPM2_ALG_CFB,
	};
	ESYS_TR session = ESYS_TR_NONE;
	TSS2_RC rc;

	rc = TPM_RETRY(Esys_StartAuthSession(tpm_esys(tpm), parent->object,
	    ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
	    TPM2_SE_HMAC, &symmetric, TPM2_ALG_SHA256, &session));
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
session_set_auth(struct tpm *tpm, ESYS_TR object, struct slice auth_value)
{
	TPM2B_AUTH auth = { .size = (UINT16)auth_value.len };
	TSS2_RC rc;

	if (auth_value.len > sizeof(auth.buffer))
		return fail(
		    FAIL_INTERNAL, "authValue of %zu bytes", auth_value.len);
	memcpy(auth.buffer, auth_value.data, auth_value.len);
	rc = Esys_TR_SetAuth(tpm_esys(tpm), object, &auth);
	explicit_bzero(&auth, sizeof(auth));
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "take a PIN or password");
	return 0;
}

int
session_set_owner_auth(struct tpm *tpm, struct slice password)
{
	if (password.len > sizeof(((TPM2B_AUTH *)NULL)->buffer))
		return fail(FAIL_OWNER_PASSWORD,
		    "the owner password is longer than a TPM takes");
	return session_set_auth(tpm, ESYS_TR_RH_OWNER, password);
}

static void
overwrite_auth(struct tpm *tpm, ESYS_TR object, uint8_t with)
{
	TPM2B_AUTH auth = { .size = sizeof(auth.buffer) };

	memset(auth.buffer, with, sizeof(auth.buffer));
	if (Esys_TR_SetAuth(tpm_esys(tpm), object, &auth) != TSS2_RC_SUCCESS)
		log_debug("an authValue was not wiped");
}

void
session_forget_auth(struct tpm *tpm, ESYS_TR object)
{
	overwrite_auth(tpm, object, 0);
}

void
session_end(struct tpm *tpm, ESYS_TR *session)
{
	if (*session != ESYS_TR_PASSWORD)
		tpm_flush(tpm, session);
}

/*
 * A session has its own copy of the authValue that it was last used with. It
 * takes another with the next command, which the TPM need not get for that, and
 * does not: this one's authorization would be a wrong one. (Zeros would not do:
 * tpm2-tss 4 drops them.) After a connection that failed, tpm2-tss lets nothing
 * be done any more, and the copy stays until it is freed.
 */
static void
overwrite_owner_auth(struct tpm *tpm, ESYS_TR session)
{
	TSS2_RC rc;

	overwrite_auth(tpm, ESYS_TR_RH_OWNER, 0xff);
	tpm_withhold(tpm, true);
	rc = Esys_ClockRateAdjust(tpm_esys(tpm), ESYS_TR_RH_OWNER, session,
	    ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CLOCK_NO_CHANGE);
	tpm_withhold(tpm, false);
	if (rc != TPM2_RC_CANCELED)
		log_debug("a session's authValue was not wiped: 0x%x", rc);
}

void
session_end_owner(struct tpm *tpm, ESYS_TR *session)
{
	if (*session != ESYS_TR_PASSWORD)
		overwrite_owner_auth(tpm, *session);
	session_forget_auth(tpm, ESYS_TR_RH_OWNER);
	session_end(tpm, session);
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
session_end_with_next(struct tpm *tpm, ESYS_TR session)
{
	int r = set_attributes(tpm, session, 0, TPMA_SESSION_CONTINUESESSION);

	if (r == 0)
		tpm_next_ends_session(tpm);
	return r;
}
