/* SPDX-License-Identifier: ISC */
/*
 * SAPI (TSS 2.0 System Level API) reads an answer from a buffer without looking
 * where the answer ends, and takes any handle for an object's. What matters is
 * checked here, or by who calls: Names and signatures are computed anew.
 */
#include <string.h>

#include <tss2/tss2_sys.h>

#include "base/log.h"
#include "tpm/bare.h"
#include "tpm/rc.h"
#include "tpm/retry.h"

/* The one authorization of a command; false if it is too long. */
static bool
fill_auth(const struct bare_auth *auth, TSS2L_SYS_AUTH_COMMAND *ret)
{
	TPMS_AUTH_COMMAND *first = &ret->auths[0];

	*ret = (TSS2L_SYS_AUTH_COMMAND){ .count = 1 };
	if (auth->password.len > sizeof(first->hmac.buffer))
		return false;
	first->sessionHandle = auth->session;
	first->hmac.size = (UINT16)auth->password.len;
	if (auth->password.len > 0)
		memcpy(first->hmac.buffer, auth->password.data,
		    auth->password.len);
	return true;
}

/* A command that was authorized has the same said of its answer. */
static TSS2_RC
check_answer(const struct bare_auth *auth, const TSS2L_SYS_AUTH_RESPONSE *in)
{
	if (in->count != 1 || in->auths[0].hmac.size != 0 ||
	    (auth->session == TPM2_RS_PW && in->auths[0].nonce.size != 0))
		return TSS2_SYS_RC_MALFORMED_RESPONSE;
	return TSS2_RC_SUCCESS;
}

TSS2_RC
bare_read_public(
    struct tpm *tpm, uint32_t handle, bool *ret_there, TPM2B_PUBLIC *ret)
{
	TPM2B_NAME name = { 0 }, qualified = { 0 };
	TPM2B_PUBLIC public = { 0 };
	TSS2_RC rc;

	rc = TPM_RETRY(Tss2_Sys_ReadPublic(
	    tpm_sys(tpm), handle, NULL, &public, &name, &qualified, NULL));
	if (rc == TSS2_RC_SUCCESS) {
		*ret_there = true;
		*ret = public;
	} else if (tpm_rc(rc) == TPM2_RC_HANDLE) {
		*ret_there = false;
		rc = TSS2_RC_SUCCESS;
	}
	return rc;
}

TSS2_RC
bare_load(struct tpm *tpm, uint32_t parent, const struct bare_auth *auth,
    const TPM2B_PRIVATE *private, const TPM2B_PUBLIC *public, uint32_t *ret)
{
	TSS2L_SYS_AUTH_RESPONSE answer = { 0 };
	TSS2L_SYS_AUTH_COMMAND auths;
	TPM2B_NAME name = { 0 };
	uint32_t object = 0;
	TSS2_RC rc;

	if (!fill_auth(auth, &auths))
		return TSS2_SYS_RC_BAD_SIZE;
	rc = TPM_RETRY(Tss2_Sys_Load(tpm_sys(tpm), parent, &auths, private,
	    public, &object, &name, &answer));
	explicit_bzero(&auths, sizeof(auths));
	if (rc == TSS2_RC_SUCCESS)
		rc = check_answer(auth, &answer);
	if (rc == TSS2_RC_SUCCESS &&
	    object >> TPM2_HR_SHIFT != TPM2_HT_TRANSIENT)
		rc = TSS2_SYS_RC_MALFORMED_RESPONSE;
	if (rc == TSS2_RC_SUCCESS)
		*ret = object;
	return rc;
}

TSS2_RC
bare_sign(struct tpm *tpm, uint32_t key, const struct bare_auth *auth,
    const uint8_t digest[32], TPMT_SIGNATURE *ret)
{
	/* cppcheck-suppress legacyUninitvar; the rest is zero */
	const TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
	/* For keys that sign any digest: a ticket that certifies nothing. */
	const TPMT_TK_HASHCHECK ticket = {
		.tag = TPM2_ST_HASHCHECK,
		.hierarchy = TPM2_RH_NULL,
	};
	TSS2L_SYS_AUTH_RESPONSE answer = { 0 };
	TSS2L_SYS_AUTH_COMMAND auths;
	TPM2B_DIGEST in = { .size = 32 };
	TPMT_SIGNATURE signature = { 0 };
	TSS2_RC rc;

	if (!fill_auth(auth, &auths))
		return TSS2_SYS_RC_BAD_SIZE;
	memcpy(in.buffer, digest, 32);
	if (auth->session != TPM2_RS_PW)
		tpm_next_ends_session(tpm);
	rc = TPM_RETRY(Tss2_Sys_Sign(tpm_sys(tpm), key, &auths, &in, &scheme,
	    &ticket, &signature, &answer));
	explicit_bzero(&auths, sizeof(auths));
	if (rc == TSS2_RC_SUCCESS)
		rc = check_answer(auth, &answer);
	if (rc == TSS2_RC_SUCCESS)
		*ret = signature;
	return rc;
}

void
bare_flush_last(struct tpm *tpm, uint32_t handle)
{
	TSS2_RC rc;

	if (tpm_is_managed(tpm))
		return;
	rc = TPM_RETRY(Tss2_Sys_FlushContext(tpm_sys(tpm), handle));
	if (rc != TSS2_RC_SUCCESS)
		log_debug("FlushContext failed: 0x%x", rc);
}
