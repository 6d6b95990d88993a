/* SPDX-License-Identifier: ISC */
#include "base/error.h"
#include "base/log.h"
#include "tpm/nv-other.h"
#include "tpm/nv.h"
#include "tpm/object.h"
#include "tpm/rc.h"
#include "tpm/retry.h"

/*
 * Who authorizes the reading: the index itself, if it has noDA, and else the
 * owner, whose wrong passwords are never counted. ESYS_TR_NONE: nobody.
 */
static ESYS_TR
find_reader(const TPMS_NV_PUBLIC *nv, ESYS_TR object)
{
	const TPMA_NV by_itself = TPMA_NV_AUTHREAD | TPMA_NV_NO_DA;

	if ((nv->attributes & by_itself) == by_itself)
		return object;
	return nv->attributes & TPMA_NV_OWNERREAD ? ESYS_TR_RH_OWNER
						  : ESYS_TR_NONE;
}

static int
may_not(uint32_t index)
{
	return fail(FAIL_PERMISSION,
	    "the NV index 0x%08x cannot be read without a password", index);
}

static int
read_piece(struct tpm *tpm, ESYS_TR object, ESYS_TR reader, uint32_t index,
    uint16_t size, struct bytes *data)
{
	TPM2B_MAX_NV_BUFFER *piece = NULL;
	TSS2_RC rc;
	int r;

	rc = TPM_RETRY(Esys_NV_Read(tpm_esys(tpm), reader, object,
	    ESYS_TR_PASSWORD, tpm_guard(tpm), ESYS_TR_NONE, size,
	    (uint16_t)data->len, &piece));
	if (tpm_rc(rc) == TPM2_RC_BAD_AUTH || tpm_rc(rc) == TPM2_RC_AUTH_FAIL ||
	    tpm_rc(rc) == TPM2_RC_NV_LOCKED)
		r = may_not(index);
	else if (rc != TSS2_RC_SUCCESS)
		r = tpm_fail(rc, "read an NV index");
	else if (piece->size != size)
		r = fail(FAIL_TPM,
		    "the TPM gave %u bytes of an NV index instead of %u",
		    piece->size, size);
	else
		r = bytes_append(data, piece->buffer, size);
	Esys_Free(piece);
	return r;
}

/* Of an index that holds something. */
static int
read_all(struct tpm *tpm, ESYS_TR object, const TPMS_NV_PUBLIC *nv,
    struct bytes *ret)
{
	const ESYS_TR reader = find_reader(nv, object);
	struct bytes data = { 0 };
	int r = 0;

	if (reader == ESYS_TR_NONE)
		return may_not(nv->nvIndex);
	while (r == 0 && data.len < nv->dataSize) {
		size_t n = nv->dataSize - data.len;

		if (n > NV_PIECE)
			n = NV_PIECE;
		r = read_piece(
		    tpm, object, reader, nv->nvIndex, (uint16_t)n, &data);
	}
	if (r == 0)
		r = bytes_append(ret, data.data, data.len);
	bytes_reset(&data);
	return r;
}

int
nv_other_read(struct tpm *tpm, uint32_t index, struct bytes *ret)
{
	TPMS_NV_PUBLIC public;
	ESYS_TR object;
	int r;

	if ((r = tpm_open_index(tpm, index, &object, &public)) != 0 ||
	    object == ESYS_TR_NONE)
		return r;
	if (public.attributes & TPMA_NV_WRITTEN)
		r = read_all(tpm, object, &public, ret);
	tpm_close_handle(tpm, &object);
	return r;
}
