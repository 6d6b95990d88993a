/* SPDX-License-Identifier: ISC */
#include "base/error.h"
#include "base/log.h"
#include "tpm/capability.h"
#include "tpm/rc.h"
#include "tpm/retry.h"

/* tpm2-tss hands out what it read last, whatever was asked for. */
static bool
is_asked_for(const TPMS_CAPABILITY_DATA *data, TPM2_CAP kind)
{
	if (data->capability != kind)
		return false;
	if (kind == TPM2_CAP_HANDLES)
		return data->data.handles.count <= TPM2_MAX_CAP_HANDLES;
	if (kind == TPM2_CAP_COMMANDS)
		return data->data.command.count <= TPM2_MAX_CAP_CC;
	return kind == TPM2_CAP_TPM_PROPERTIES &&
	    data->data.tpmProperties.count <= TPM2_MAX_TPM_PROPERTIES;
}

int
tpm_capability(struct tpm *tpm, TPM2_CAP kind, uint32_t first, uint32_t n,
    const char *doing, TPMI_YES_NO *ret_more, TPMS_CAPABILITY_DATA **ret)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc;

	rc = TPM_RETRY(Esys_GetCapability(tpm_esys(tpm), tpm_guard(tpm),
	    ESYS_TR_NONE, ESYS_TR_NONE, kind, first, n, &more, &data));
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, doing);
	if (!is_asked_for(data, kind)) {
		Esys_Free(data);
		return fail(FAIL_TPM,
		    "the TPM failed to %s: it answered with something else",
		    doing);
	}
	if (ret_more != NULL)
		*ret_more = more;
	*ret = data;
	return 0;
}

int
tpm_property(struct tpm *tpm, TPM2_PT property, uint32_t *ret)
{
	TPMS_CAPABILITY_DATA *data;
	int r;

	if ((r = tpm_capability(tpm, TPM2_CAP_TPM_PROPERTIES, property, 1,
		 "tell a property", NULL, &data)) != 0)
		return r;
	if (data->data.tpmProperties.count != 1 ||
	    data->data.tpmProperties.tpmProperty[0].property != property)
		r = fail(
		    FAIL_TPM, "the TPM does not tell property 0x%x", property);
	else
		*ret = data->data.tpmProperties.tpmProperty[0].value;
	Esys_Free(data);
	return r;
}

/* It is the first in order from itself on, if it is there. */
int
tpm_has_command(struct tpm *tpm, TPM2_CC command, bool *ret)
{
	TPMS_CAPABILITY_DATA *data;
	const TPML_CCA *list;
	int r;

	if ((r = tpm_capability(tpm, TPM2_CAP_COMMANDS, command, 1,
		 "tell its commands", NULL, &data)) != 0)
		return r;
	list = &data->data.command;
	*ret = list->count > 0 &&
	    (list->commandAttributes[0] & TPMA_CC_COMMANDINDEX_MASK) == command;
	Esys_Free(data);
	return 0;
}

/* Takes those that are in range; false where the list is at its end. */
static bool
take_handles(const TPML_HANDLE *in, uint32_t first, uint32_t last,
    struct tpm_handles *out)
{
	for (uint32_t i = 0; i < in->count; i++) {
		if (in->handle[i] < first || in->handle[i] > last ||
		    out->n == TPM_MAX_HANDLES)
			return false;
		out->handles[out->n++] = in->handle[i];
		first = in->handle[i] + 1; /* ascending, or none of it */
	}
	return in->count > 0;
}

int
tpm_list_handles(struct tpm *tpm, uint32_t first, uint32_t last,
    const char *doing, struct tpm_handles *ret)
{
	struct tpm_handles found = { 0 };
	TPMI_YES_NO more = TPM2_YES;
	TPMS_CAPABILITY_DATA *data;
	int r;

	while (more == TPM2_YES) {
		if ((r = tpm_capability(tpm, TPM2_CAP_HANDLES, first,
			 TPM2_MAX_CAP_HANDLES, doing, &more, &data)) != 0)
			return r;
		if (!take_handles(&data->data.handles, first, last, &found))
			more = TPM2_NO;
		else
			first = found.handles[found.n - 1] + 1;
		Esys_Free(data);
	}
	*ret = found;
	return 0;
}
