/* SPDX-License-Identifier: ISC */
#include "tpm/capability.h"
#include "tpm/hierarchy.h"
#include "tpm/owner.h"
#include "tpm/session.h"

int
owner_has_password(struct tpm *tpm, bool *ret)
{
	uint32_t permanent;
	int r;

	r = tpm_property(tpm, TPM2_PT_PERMANENT, &permanent);
	if (r == 0)
		*ret = (permanent & TPMA_PERMANENT_OWNERAUTHSET) != 0;
	return r;
}

int
owner_start_session(
    struct tpm *tpm, struct slice password, ESYS_TR salt_key, ESYS_TR *ret)
{
	return hierarchy_start_session(
	    tpm, ESYS_TR_RH_OWNER, password, salt_key, ret);
}

int
owner_start_covering_session(
    struct tpm *tpm, struct slice password, ESYS_TR salt_key, ESYS_TR *ret)
{
	int r;

	r = owner_start_session(tpm, password, salt_key, ret);
	if (r == 0 && *ret == ESYS_TR_PASSWORD)
		r = session_start(tpm, salt_key, ret);
	return r;
}

int
owner_start_session_by_null_key(
    struct tpm *tpm, struct slice password, ESYS_TR *ret)
{
	return hierarchy_start_session_by_null_key(
	    tpm, ESYS_TR_RH_OWNER, password, ret);
}

void
owner_end_session(struct tpm *tpm, ESYS_TR *session)
{
	hierarchy_end_session(tpm, ESYS_TR_RH_OWNER, session);
}
