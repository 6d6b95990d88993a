/* SPDX-License-Identifier: ISC */
#include "error.h"
#include "log.h"
#include "session.h"

int
session_start(struct tpm *tpm, const struct parent *parent, ESYS_TR *ret)
{
	const TPMT_SYM_DEF symmetric = {
		.algorithm = TPM2_ALG_AES,
		.keyBits.aes = 128,
		.mode.aes = TPM2_ALG_CFB,
	};
	struct tpm_retry retry = { 0 };
	ESYS_TR session = ESYS_TR_NONE;
	TSS2_RC rc;

	do
		rc = Esys_StartAuthSession(tpm_esys(tpm), parent->object,
		    ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
		    NULL, TPM2_SE_HMAC, &symmetric, TPM2_ALG_SHA256, &session);
	while (tpm_again(&retry, rc));
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
