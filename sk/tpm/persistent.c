/* SPDX-License-Identifier: ISC */
#include <openssl/rand.h>

#include "base/error.h"
#include "base/log.h"
#include "tpm/capability.h"
#include "tpm/object.h"
#include "tpm/persistent.h"
#include "tpm/rc.h"
#include "tpm/retry.h"

int
persistent_slots(struct tpm *tpm, struct persistent_slots *ret)
{
	const uint32_t n =
	    TPM2_PT_HR_PERSISTENT_AVAIL - TPM2_PT_HR_PERSISTENT + 1;
	struct persistent_slots slots = { 0 };
	TPMS_CAPABILITY_DATA *data;
	bool told = false;
	int r;

	if ((r = tpm_capability(tpm, TPM2_CAP_TPM_PROPERTIES,
		 TPM2_PT_HR_PERSISTENT, n, "tell its persistent slots", NULL,
		 &data)) != 0)
		return r;
	for (uint32_t i = 0; i < data->data.tpmProperties.count; i++) {
		const TPMS_TAGGED_PROPERTY *p =
		    &data->data.tpmProperties.tpmProperty[i];

		if (p->property == TPM2_PT_HR_PERSISTENT)
			slots.used = p->value;
		if (p->property == TPM2_PT_HR_PERSISTENT_AVAIL) {
			slots.free = p->value;
			told = true;
		}
	}
	Esys_Free(data);
	if (!told)
		return fail(FAIL_TPM,
		    "the TPM does not tell how many persistent keys it takes");
	*ret = slots;
	return 0;
}

int
persistent_choose(uint32_t *ret)
{
	const uint32_t size = PERSISTENT_LAST - PERSISTENT_FIRST + 1;
	uint32_t n;

	if (RAND_bytes((uint8_t *)&n, sizeof(n)) != 1)
		return fail(FAIL_INTERNAL, "no random numbers");
	*ret = PERSISTENT_FIRST + n % size;
	return 0;
}

static int
evict_fail(TSS2_RC rc, const char *doing)
{
	switch (tpm_rc(rc)) {
	case TPM2_RC_BAD_AUTH:
	case TPM2_RC_AUTH_FAIL:
		return fail(FAIL_OWNER_PASSWORD,
		    "persistent keys are kept under the TPM's owner password");
	case TPM2_RC_NV_SPACE:
		return fail(FAIL_NV_FULL,
		    "the TPM has no slot free for another persistent key");
	default:
		return tpm_fail(rc, doing);
	}
}

int
persistent_make(struct tpm *tpm, ESYS_TR session, ESYS_TR key, uint32_t handle)
{
	ESYS_TR persistent = ESYS_TR_NONE;
	TSS2_RC rc;

	rc = TPM_RETRY(Esys_EvictControl(tpm_esys(tpm), ESYS_TR_RH_OWNER, key,
	    session, tpm_guard_beside(tpm, session), ESYS_TR_NONE, handle,
	    &persistent));
	if (tpm_rc(rc) == TPM2_RC_NV_DEFINED)
		return PERSISTENT_TAKEN;
	if (rc != TSS2_RC_SUCCESS)
		return evict_fail(rc, "make a key persistent");
	tpm_close_handle(tpm, &persistent);
	return 0;
}

int
persistent_evict(
    struct tpm *tpm, ESYS_TR session, ESYS_TR *object, uint32_t handle)
{
	ESYS_TR none = ESYS_TR_NONE;
	TSS2_RC rc;

	rc = TPM_RETRY(
	    Esys_EvictControl(tpm_esys(tpm), ESYS_TR_RH_OWNER, *object, session,
		tpm_guard_beside(tpm, session), ESYS_TR_NONE, handle, &none));
	if (rc == TSS2_RC_SUCCESS)
		*object = ESYS_TR_NONE; /* tpm2-tss let it go */
	if (rc == TSS2_RC_SUCCESS || tpm_rc(rc) == TPM2_RC_HANDLE)
		return 0;
	return evict_fail(rc, "evict a persistent key");
}
