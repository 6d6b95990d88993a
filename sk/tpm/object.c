/* SPDX-License-Identifier: ISC */
#include <string.h>
#include <tss2/tss2_mu.h>

#include "base/error.h"
#include "base/log.h"
#include "tpm/object.h"
#include "tpm/rc.h"
#include "tpm/retry.h"

static bool
is_refused(TSS2_RC rc)
{
	return tpm_rc(rc) == TPM2_RC_BAD_AUTH ||
	    tpm_rc(rc) == TPM2_RC_AUTH_FAIL;
}

/*
 * Whether the public area that tpm2-tss keeps of an object, of which it
 * computes the Name here, is the one that a guarded answer has told.
 */
static bool
is_as_told(struct tpm *tpm, ESYS_TR object, const TPM2B_NAME *told)
{
	TPM2B_NAME *computed = NULL;
	bool same;

	same = told != NULL &&
	    Esys_TR_GetName(tpm_esys(tpm), object, &computed) ==
		TSS2_RC_SUCCESS &&
	    computed->size == told->size &&
	    memcmp(computed->name, told->name, told->size) == 0;
	Esys_Free(computed);
	return same;
}

/*
 * tpm2-tss before 3.1 computes an HMAC over the command without the Name that
 * it does not know yet. So the object is read without a guard, and then again
 * with it. Whoever alters the first answer is found by the second one, whatever
 * the version is.
 */
static TSS2_RC
open_in_two_steps(struct tpm *tpm, uint32_t handle, ESYS_TR *ret_object)
{
	const bool nv = handle >> TPM2_HR_SHIFT == TPM2_HT_NV_INDEX;
	TPM2B_NV_PUBLIC *index = NULL;
	TPM2B_PUBLIC *public = NULL;
	TPM2B_NAME *name = NULL, *qualified = NULL;
	TSS2_RC rc;

	rc = TPM_RETRY(Esys_TR_FromTPMPublic(tpm_esys(tpm), handle,
	    ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ret_object));
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	if (nv)
		rc = TPM_RETRY(Esys_NV_ReadPublic(tpm_esys(tpm), *ret_object,
		    tpm_guard(tpm), ESYS_TR_NONE, ESYS_TR_NONE, &index, &name));
	else
		rc = TPM_RETRY(Esys_ReadPublic(tpm_esys(tpm), *ret_object,
		    tpm_guard(tpm), ESYS_TR_NONE, ESYS_TR_NONE, &public, &name,
		    &qualified));
	if (rc == TSS2_RC_SUCCESS && !is_as_told(tpm, *ret_object, name))
		rc = TPM2_RC_AUTH_FAIL;
	Esys_Free(index);
	Esys_Free(public);
	Esys_Free(name);
	Esys_Free(qualified);
	if (rc != TSS2_RC_SUCCESS)
		(void)Esys_TR_Close(tpm_esys(tpm), ret_object);
	return rc;
}

int
tpm_open_handle(
    struct tpm *tpm, uint32_t handle, const char *doing, ESYS_TR *ret_object)
{
	TSS2_RC rc;

	*ret_object = ESYS_TR_NONE;
	rc = TPM_RETRY(Esys_TR_FromTPMPublic(tpm_esys(tpm), handle,
	    tpm_guard(tpm), ESYS_TR_NONE, ESYS_TR_NONE, ret_object));
	if (is_refused(rc) && tpm_guard(tpm) != ESYS_TR_NONE)
		rc = open_in_two_steps(tpm, handle, ret_object);
	if (rc == TSS2_RC_SUCCESS)
		return 0;
	*ret_object = ESYS_TR_NONE;
	if (tpm_rc(rc) == TPM2_RC_HANDLE)
		return 0;
	/* Nothing but a guard is authorized here. */
	if (is_refused(rc))
		return fail(FAIL_FORGED,
		    "something between us and the TPM alters what it is asked "
		    "or what it answers");
	return tpm_fail(rc, doing);
}

/*
 * tpm2-tss has no other way to show these than to serialise: handle,
 * TPM2B_NAME, a type, and TPM2B_PUBLIC or TPM2B_NV_PUBLIC, each as TSS marshals
 * it (esys_mu.c); another form in a later version is refused here, not misread.
 * Esys_TR_GetName does not give the Name in there, but computes one anew.
 */
struct told {
	uint8_t *blob;
	size_t len, at; /* of the public area */
	TPM2B_NAME name;
};

static TSS2_RC
serialize(struct tpm *tpm, ESYS_TR object, struct told *ret)
{
	uint32_t handle, type;
	TSS2_RC rc;

	rc = Esys_TR_Serialize(tpm_esys(tpm), object, &ret->blob, &ret->len);
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_MU_UINT32_Unmarshal(
		    ret->blob, ret->len, &ret->at, &handle);
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_MU_TPM2B_NAME_Unmarshal(
		    ret->blob, ret->len, &ret->at, &ret->name);
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_MU_UINT32_Unmarshal(
		    ret->blob, ret->len, &ret->at, &type);
	return rc;
}

/* Ends `told`, whose public area was read with `rc`. */
static int
end_told(struct told *told, TSS2_RC rc)
{
	bool whole = rc == TSS2_RC_SUCCESS && told->at == told->len;

	Esys_Free(told->blob);
	if (!whole)
		return fail(FAIL_INTERNAL,
		    "this tpm2-tss describes an object in an unknown way");
	return 0;
}

int
tpm_read_back(struct tpm *tpm, ESYS_TR object, TPM2B_NAME *ret_name,
    TPM2B_PUBLIC *ret_public)
{
	TPM2B_PUBLIC public = { 0 };
	struct told told = { 0 };
	TSS2_RC rc;
	int r;

	if ((rc = serialize(tpm, object, &told)) == TSS2_RC_SUCCESS)
		rc = Tss2_MU_TPM2B_PUBLIC_Unmarshal(
		    told.blob, told.len, &told.at, &public);
	if ((r = end_told(&told, rc)) != 0)
		return r;
	if (ret_name != NULL)
		*ret_name = told.name;
	if (ret_public != NULL)
		*ret_public = public;
	return 0;
}

int
tpm_read_back_index(struct tpm *tpm, ESYS_TR object, TPM2B_NAME *ret_name,
    TPMS_NV_PUBLIC *ret_public)
{
	TPM2B_NV_PUBLIC public = { 0 };
	struct told told = { 0 };
	TSS2_RC rc;
	int r;

	if ((rc = serialize(tpm, object, &told)) == TSS2_RC_SUCCESS)
		rc = Tss2_MU_TPM2B_NV_PUBLIC_Unmarshal(
		    told.blob, told.len, &told.at, &public);
	if ((r = end_told(&told, rc)) != 0)
		return r;
	*ret_name = told.name;
	*ret_public = public.nvPublic;
	return 0;
}

uint32_t
tpm_handle_of(struct tpm *tpm, ESYS_TR object)
{
	TPM2_HANDLE handle;

	if (Esys_TR_GetTpmHandle(tpm_esys(tpm), object, &handle) !=
	    TSS2_RC_SUCCESS)
		return TPM2_RH_NULL;
	return handle;
}

void
tpm_close_handle(struct tpm *tpm, ESYS_TR *object)
{
	if (*object != ESYS_TR_NONE)
		Esys_TR_Close(tpm_esys(tpm), object);
	*object = ESYS_TR_NONE;
}

int
tpm_public_name(const TPM2B_PUBLIC *public, uint8_t ret[TPM_NAME_LEN])
{
	uint8_t area[sizeof(TPMT_PUBLIC)];
	size_t len = 0;

	if (public->publicArea.nameAlg != TPM2_ALG_SHA256)
		return fail(FAIL_PARENT,
		    "its Name is not made with SHA-256, which sk-tpm needs");
	if (Tss2_MU_TPMT_PUBLIC_Marshal(&public->publicArea, area, sizeof(area),
		&len) != TSS2_RC_SUCCESS)
		return fail(FAIL_INTERNAL, "cannot marshal a public area");
	return tpm_compute_name((struct slice){ area, len }, ret);
}

int
tpm_object_name(struct tpm *tpm, ESYS_TR object, uint8_t ret[TPM_NAME_LEN])
{
	TPM2B_PUBLIC public;
	int r;

	if ((r = tpm_read_back(tpm, object, NULL, &public)) != 0)
		return r;
	return tpm_public_name(&public, ret);
}

int
tpm_open_index(struct tpm *tpm, uint32_t index, ESYS_TR *ret_object,
    TPMS_NV_PUBLIC *ret_public)
{
	TPMS_NV_PUBLIC public;
	TPM2B_NAME name;
	ESYS_TR object;
	int r;

	if ((r = tpm_open_handle(tpm, index, "look at an NV index", &object)) !=
		0 ||
	    object == ESYS_TR_NONE)
		goto out;
	if ((r = tpm_read_back_index(tpm, object, &name, &public)) != 0)
		goto out;
	if (public.nvIndex != index) {
		r = fail(FAIL_FORGED,
		    "asked about the NV index 0x%08x, the TPM tells of another",
		    index);
		goto out;
	}
	*ret_public = public;
out:
	if (r != 0)
		tpm_close_handle(tpm, &object);
	*ret_object = object;
	return r;
}

/* Of a key, in what Esys_TR_Serialize gives; see tpm_read_back. */
#define SERIALIZED_KEY 1

int
tpm_open_known(struct tpm *tpm, uint32_t handle, const TPM2B_PUBLIC *public,
    ESYS_TR *ret_object)
{
	uint8_t blob[4 + sizeof(TPM2B_NAME) + 4 + sizeof(TPM2B_PUBLIC)];
	TPM2B_NAME name = { .size = TPM_NAME_LEN };
	TPM2B_PUBLIC copy = *public;
	size_t len = 0;
	TSS2_RC rc;
	int r;

	copy.size = 0; /* the marshaller fills it in */
	if ((r = tpm_public_name(public, name.name)) != 0)
		return r;
	rc = Tss2_MU_UINT32_Marshal(handle, blob, sizeof(blob), &len);
	if (rc == TSS2_RC_SUCCESS)
		rc =
		    Tss2_MU_TPM2B_NAME_Marshal(&name, blob, sizeof(blob), &len);
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_MU_UINT32_Marshal(
		    SERIALIZED_KEY, blob, sizeof(blob), &len);
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_MU_TPM2B_PUBLIC_Marshal(
		    &copy, blob, sizeof(blob), &len);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_TR_Deserialize(tpm_esys(tpm), blob, len, ret_object);
	if (rc != TSS2_RC_SUCCESS)
		return fail(FAIL_INTERNAL,
		    "this tpm2-tss takes an object in an unknown way only");
	return 0;
}
