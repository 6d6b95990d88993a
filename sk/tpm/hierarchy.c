/* SPDX-License-Identifier: ISC */
#include "base/error.h"
#include "base/log.h"
#include "tpm/hierarchy.h"
#include "tpm/primary.h"
#include "tpm/session.h"

static int
take_password(struct tpm *tpm, ESYS_TR hierarchy, struct slice password)
{
	if (password.len <= sizeof(((TPM2B_AUTH *)NULL)->buffer))
		return session_set_auth(tpm, hierarchy, password);
	if (hierarchy == ESYS_TR_RH_OWNER)
		return fail(FAIL_OWNER_PASSWORD,
		    "the owner password is longer than a TPM takes");
	return fail(FAIL_ENDORSEMENT_PASSWORD,
	    "the endorsement password is longer than a TPM takes");
}

int
hierarchy_start_session(struct tpm *tpm, ESYS_TR hierarchy,
    struct slice password, ESYS_TR salt_key, ESYS_TR *ret)
{
	int r;

	*ret = ESYS_TR_PASSWORD;
	/* The empty one, too: what a session before it has left is not that. */
	if ((r = take_password(tpm, hierarchy, password)) != 0 ||
	    password.len == 0)
		return r;
	if (tpm_guard(tpm) == ESYS_TR_NONE)
		return session_start(tpm, salt_key, ret);
	*ret = tpm_guard(tpm);
	return 0;
}

int
hierarchy_start_session_by_null_key(
    struct tpm *tpm, ESYS_TR hierarchy, struct slice password, ESYS_TR *ret)
{
	ESYS_TR null_key = ESYS_TR_NONE;
	int r;

	*ret = ESYS_TR_PASSWORD;
	if (password.len == 0 || tpm_guard(tpm) != ESYS_TR_NONE)
		return hierarchy_start_session(
		    tpm, hierarchy, password, ESYS_TR_NONE, ret);
	if ((r = take_password(tpm, hierarchy, password)) != 0 ||
	    (r = primary_create_null(tpm, &null_key)) != 0)
		return r;
	r = session_start(tpm, null_key, ret);
	tpm_flush(tpm, &null_key);
	return r;
}

/*
 * A session has its own copy of the authValue that it was last used with. It
 * takes another with the next command, which the TPM need not get for that, and
 * does not: this one's authorization would be a wrong one. (Zeros would not do:
 * tpm2-tss 4 drops them.) After a connection that failed, tpm2-tss lets nothing
 * be done any more, and the copy stays until it is freed.
 */
static void
overwrite_password(struct tpm *tpm, ESYS_TR hierarchy, ESYS_TR session)
{
	TSS2_RC rc;

	session_overwrite_auth(tpm, hierarchy, 0xff);
	tpm_withhold(tpm, true);
	rc = Esys_ClockRateAdjust(tpm_esys(tpm), hierarchy, session,
	    ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CLOCK_NO_CHANGE);
	tpm_withhold(tpm, false);
	if (rc != TPM2_RC_CANCELED)
		log_debug("a session's authValue was not wiped: 0x%x", rc);
}

void
hierarchy_end_session(struct tpm *tpm, ESYS_TR hierarchy, ESYS_TR *session)
{
	if (*session != ESYS_TR_PASSWORD)
		overwrite_password(tpm, hierarchy, *session);
	session_forget_auth(tpm, hierarchy);
	if (*session == tpm_guard(tpm))
		*session = ESYS_TR_NONE;
	else
		session_end(tpm, session);
}
