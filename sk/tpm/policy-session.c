/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <tss2/tss2_sys.h>

#include "tpm/policy-session.h"
#include "tpm/retry.h"

TSS2_RC
policy_session_start(struct tpm *tpm, uint32_t *ret)
{
	/* As short as TPMs take it. There is no key for it to go into. */
	const TPM2B_NONCE nonce = { .size = 16 };
	const TPM2B_ENCRYPTED_SECRET no_salt = { 0 };
	const TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };
	TPM2B_NONCE answer = { 0 };
	uint32_t session = 0;
	TSS2_RC rc;

	rc = TPM_RETRY(Tss2_Sys_StartAuthSession(tpm_sys(tpm), TPM2_RH_NULL,
	    TPM2_RH_NULL, NULL, &nonce, &no_salt, TPM2_SE_POLICY, &none,
	    TPM2_ALG_SHA256, &session, &answer, NULL));
	if (rc == TSS2_RC_SUCCESS &&
	    session >> TPM2_HR_SHIFT != TPM2_HT_POLICY_SESSION)
		rc = TSS2_SYS_RC_MALFORMED_RESPONSE;
	if (rc == TSS2_RC_SUCCESS)
		*ret = session;
	return rc;
}

TSS2_RC
policy_session_restart(struct tpm *tpm, uint32_t session)
{
	return TPM_RETRY(
	    Tss2_Sys_PolicyRestart(tpm_sys(tpm), session, NULL, NULL));
}

TSS2_RC
policy_session_pcr(struct tpm *tpm, uint32_t session, uint32_t pcrs,
    const uint8_t values[SHA256_LEN])
{
	TPML_PCR_SELECTION selection = { .count = 1 };
	TPMS_PCR_SELECTION *bank = &selection.pcrSelections[0];
	TPM2B_DIGEST digest = { .size = SHA256_LEN };

	bank->hash = TPM2_ALG_SHA256;
	bank->sizeofSelect = POLICY_PCR_SELECT_LEN;
	policy_pcr_select(pcrs, bank->pcrSelect);
	memcpy(digest.buffer, values, SHA256_LEN);
	return TPM_RETRY(Tss2_Sys_PolicyPCR(
	    tpm_sys(tpm), session, NULL, &digest, &selection, NULL));
}

TSS2_RC
policy_session_or(struct tpm *tpm, uint32_t session,
    const uint8_t first[POLICY_LEN], const uint8_t second[POLICY_LEN])
{
	TPML_DIGEST either = { .count = 2 };

	either.digests[0].size = POLICY_LEN;
	memcpy(either.digests[0].buffer, first, POLICY_LEN);
	either.digests[1].size = POLICY_LEN;
	memcpy(either.digests[1].buffer, second, POLICY_LEN);
	return TPM_RETRY(
	    Tss2_Sys_PolicyOR(tpm_sys(tpm), session, NULL, &either, NULL));
}
