/* SPDX-License-Identifier: ISC */
/*
 * TPM response codes in words. Source of the numbers: TPM 2.0 Library, part 2,
 * section 6.6; of the layers: TSS 2.0 Overview and Common Structures.
 */
#include <tss2/tss2_rc.h>
#include <tss2/tss2_sys.h>

#include "base/error.h"
#include "base/log.h"
#include "tpm/rc.h"
#include "tpm/tcti-device.h"
#include "tpm/tcti-watch.h"
#include "tpm/tpm.h"

/* Format-one codes carry bit 7; P and N say where, the rest says what. */
#define FORMAT_ONE TPM2_RC_FMT1
#define FORMAT_ONE_ERROR 0xbf

TPM2_RC
tpm_rc(TSS2_RC rc)
{
	TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;

	if (rc == TSS2_RC_SUCCESS)
		return TPM2_RC_SUCCESS;
	if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER)
		return TPM2_RC_NOT_USED;
	rc &= ~TSS2_RC_LAYER_MASK;
	return rc & FORMAT_ONE ? rc & FORMAT_ONE_ERROR : rc;
}

/*
 * A TPM 1.2 answers with a tag of its own, which tpm2-tss tells by a code that
 * it uses for nothing else that comes from a TPM; TPM2_RC_BAD_TAG is what
 * part 2 has for a TPM 1.2 to answer.
 */
#define RC_OF_TPM12 TSS2_SYS_RC_GENERAL_FAILURE

/*
 * What tpm2-tss says where a context is NULL, which tpm_esys and tpm_sys give
 * where there is no memory for one.
 */
#define RC_OF_NO_ESYS TSS2_ESYS_RC_BAD_REFERENCE
#define RC_OF_NO_SYS TSS2_SYS_RC_BAD_REFERENCE

static int
classify(TPM2_RC rc)
{
	switch (rc) {
	case TPM2_RC_FAILURE:
	case TPM2_RC_INITIALIZE:
	case TPM2_RC_UPGRADE:
	case TPM2_RC_REBOOT:
		return FAIL_TPM_FAILURE;
	case TPM2_RC_OBJECT_MEMORY:
	case TPM2_RC_SESSION_MEMORY:
	case TPM2_RC_MEMORY:
	case TPM2_RC_OBJECT_HANDLES:
	case TPM2_RC_SESSION_HANDLES:
		return FAIL_TPM_FULL;
	case TPM2_RC_RETRY:
	case TPM2_RC_TESTING:
	case TPM2_RC_YIELDED:
	case TPM2_RC_NV_RATE:
	case TPM2_RC_CANCELED:
		return FAIL_TPM_BUSY;
	case TPM2_RC_LOCKOUT:
		return FAIL_LOCKOUT;
	default:
		return FAIL_TPM;
	}
}

/* Where the TPM's command is, and not here. */
#define fail_there(...) log_fail_at(file, line, function, __VA_ARGS__)

int
tpm_fail_at(const char *file, int line, const char *function, TSS2_RC rc,
    const char *doing)
{
	const char *text = Tss2_RC_Decode(rc);
	TPM2_RC tpm = tpm_rc(rc);

	if (rc == RC_OF_TPM12 || tpm == TPM2_RC_BAD_TAG)
		return fail_there(FAIL_NOT_TPM2, "this TPM speaks TPM 1.2");
	if (rc == TSS2_ESYS_RC_RSP_AUTH_FAILED)
		return fail_there(FAIL_FORGED,
		    "something between us and the TPM answered in its place");
	if (rc == TCTI_DEVICE_RC_NO_TPM)
		return FAIL_UNREACHABLE; /* remembered already */
	if (rc == TRAFFIC_RC_NO_ANSWER)
		return fail_there(FAIL_LOST,
		    "the TPM was to %s, and did not answer in time", doing);
	if ((rc & TSS2_RC_LAYER_MASK) == TSS2_TCTI_RC_LAYER)
		return fail_there(FAIL_LOST,
		    "lost the TPM while it was to %s (%s, 0x%x)", doing, text,
		    rc);
	if (rc == TSS2_ESYS_RC_MEMORY || rc == RC_OF_NO_ESYS ||
	    rc == RC_OF_NO_SYS)
		return fail_there(FAIL_MEMORY, "out of memory");
	if (tpm == TPM2_RC_NOT_USED)
		return fail_there(FAIL_TPM,
		    "the TPM was to %s, and its answer cannot be read (%s, "
		    "0x%x)",
		    doing, text, rc);
	switch (classify(tpm)) {
	case FAIL_TPM_FAILURE:
		return fail_there(FAIL_TPM_FAILURE,
		    "the TPM is in failure mode or was not started (%s)", text);
	case FAIL_TPM_FULL:
		return fail_there(FAIL_TPM_FULL,
		    "the TPM has no room left for a key (%s)", text);
	case FAIL_TPM_BUSY:
		return fail_there(FAIL_TPM_BUSY, "the TPM is busy (%s)", text);
	case FAIL_LOCKOUT:
		return fail_there(FAIL_LOCKOUT,
		    "the TPM is locked out after too many wrong "
		    "authorizations");
	default:
		return fail_there(FAIL_TPM, "the TPM failed to %s: %s (0x%x)",
		    doing, text, rc);
	}
}
