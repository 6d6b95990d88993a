/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <tss2/tss2_mu.h>
#include <tss2/tss2_sys.h>

#include "tpm/policy-secret.h"
#include "tpm/retry.h"

/* 0 or TSS2's code for something that is too long for a TPM. */
static TSS2_RC
fill_ref(struct slice ref, TPM2B_NONCE *ret)
{
	if (ref.len > sizeof(ret->buffer))
		return TSS2_SYS_RC_BAD_SIZE;
	ret->size = (UINT16)ref.len;
	memcpy(ret->buffer, ref.data, ref.len);
	return TSS2_RC_SUCCESS;
}

/* A ticket without a digest stands for none (part 3, 23.2.5). */
static TSS2_RC
marshal_ticket(
    const TPM2B_TIMEOUT *timeout, const TPMT_TK_AUTH *ticket, struct bytes *ret)
{
	uint8_t buf[POLICY_TICKET_MAX];
	size_t len = 0;
	TSS2_RC rc;

	if (ticket->digest.size == 0)
		return TSS2_RC_SUCCESS;
	if ((rc = Tss2_MU_TPM2B_TIMEOUT_Marshal(
		 timeout, buf, sizeof(buf), &len)) != TSS2_RC_SUCCESS ||
	    (rc = Tss2_MU_TPMT_TK_AUTH_Marshal(
		 ticket, buf, sizeof(buf), &len)) != TSS2_RC_SUCCESS)
		return rc;
	return bytes_set(ret, buf, len) == 0 ? TSS2_RC_SUCCESS
					     : TSS2_SYS_RC_GENERAL_FAILURE;
}

static TSS2_RC
unmarshal_ticket(
    struct slice in, TPM2B_TIMEOUT *ret_timeout, TPMT_TK_AUTH *ret_ticket)
{
	size_t at = 0;
	TSS2_RC rc;

	if ((rc = Tss2_MU_TPM2B_TIMEOUT_Unmarshal(
		 in.data, in.len, &at, ret_timeout)) != TSS2_RC_SUCCESS ||
	    (rc = Tss2_MU_TPMT_TK_AUTH_Unmarshal(
		 in.data, in.len, &at, ret_ticket)) != TSS2_RC_SUCCESS)
		return rc;
	if (at != in.len || ret_ticket->tag != TPM2_ST_AUTH_SECRET)
		return TSS2_MU_RC_BAD_VALUE;
	return TSS2_RC_SUCCESS;
}

TSS2_RC
policy_session_secret(struct tpm *tpm, ESYS_TR object, ESYS_TR session,
    ESYS_TR policy_session, struct slice ref, uint32_t seconds,
    struct bytes *ret_ticket)
{
	const TPM2B_DIGEST no_cp_hash = { 0 };
	TPM2B_NONCE *nonce_tpm = NULL, policy_ref = { 0 };
	TPM2B_TIMEOUT *timeout = NULL;
	TPMT_TK_AUTH *ticket = NULL;
	TSS2_RC rc;

	if ((rc = fill_ref(ref, &policy_ref)) != TSS2_RC_SUCCESS)
		return rc;
	/*
	 * With the session's nonce the time counts from its start. Without it,
	 * it would be a time of the TPM's own clock.
	 */
	rc = Esys_TRSess_GetNonceTPM(tpm_esys(tpm), policy_session, &nonce_tpm);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	/* A negative time asks for a ticket. */
	rc = TPM_RETRY(Esys_PolicySecret(tpm_esys(tpm), object, policy_session,
	    session, ESYS_TR_NONE, ESYS_TR_NONE, nonce_tpm, &no_cp_hash,
	    &policy_ref, -(INT32)seconds, &timeout, &ticket));
	if (rc == TSS2_RC_SUCCESS)
		rc = marshal_ticket(timeout, ticket, ret_ticket);
	Esys_Free(nonce_tpm);
	Esys_Free(timeout);
	Esys_Free(ticket);
	return rc;
}

TSS2_RC
policy_session_ticket(struct tpm *tpm, uint32_t policy_session,
    struct slice ticket, struct slice name, struct slice ref)
{
	const TPM2B_DIGEST no_cp_hash = { 0 };
	TPM2B_NONCE policy_ref = { 0 };
	TPM2B_TIMEOUT timeout = { 0 };
	TPM2B_NAME auth_name = { 0 };
	TPMT_TK_AUTH auth = { 0 };
	TSS2_RC rc;

	if (name.len > sizeof(auth_name.name))
		return TSS2_SYS_RC_BAD_SIZE;
	auth_name.size = (UINT16)name.len;
	memcpy(auth_name.name, name.data, name.len);
	if ((rc = fill_ref(ref, &policy_ref)) != TSS2_RC_SUCCESS ||
	    (rc = unmarshal_ticket(ticket, &timeout, &auth)) != TSS2_RC_SUCCESS)
		return rc;
	return TPM_RETRY(Tss2_Sys_PolicyTicket(tpm_sys(tpm), policy_session,
	    NULL, &timeout, &no_cp_hash, &policy_ref, &auth_name, &auth, NULL));
}
