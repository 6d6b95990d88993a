/* SPDX-License-Identifier: ISC */
#include <tss2/tss2_mu.h>

#include "base/error.h"
#include "base/log.h"
#include "key/blob.h"

int
blob_read_public(const struct bytes *in, TPM2B_PUBLIC *ret)
{
	size_t used = 0;

	*ret = (TPM2B_PUBLIC){ 0 };
	if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(in->data, in->len, &used, ret) !=
		TSS2_RC_SUCCESS ||
	    used != in->len)
		return fail(FAIL_INTERNAL, "cannot read a public area");
	return 0;
}

int
blob_read_private(const struct bytes *in, TPM2B_PRIVATE *ret)
{
	size_t used = 0;

	*ret = (TPM2B_PRIVATE){ 0 };
	if (Tss2_MU_TPM2B_PRIVATE_Unmarshal(in->data, in->len, &used, ret) !=
		TSS2_RC_SUCCESS ||
	    used != in->len)
		return fail(
		    FAIL_HANDLE, "the key handle was altered (private area)");
	return 0;
}

int
blob_write_public(const TPM2B_PUBLIC *public, struct bytes *ret)
{
	uint8_t buf[sizeof(TPM2B_PUBLIC)];
	TPM2B_PUBLIC copy = *public;
	size_t len = 0;

	copy.size = 0; /* the marshaller fills it in */
	if (Tss2_MU_TPM2B_PUBLIC_Marshal(&copy, buf, sizeof(buf), &len) !=
	    TSS2_RC_SUCCESS)
		return fail(FAIL_INTERNAL, "cannot marshal a public area");
	return bytes_set(ret, buf, len);
}

int
blob_write_private(const TPM2B_PRIVATE *private, struct bytes *ret)
{
	uint8_t buf[sizeof(TPM2B_PRIVATE)];
	size_t len = 0;

	if (Tss2_MU_TPM2B_PRIVATE_Marshal(private, buf, sizeof(buf), &len) !=
	    TSS2_RC_SUCCESS)
		return fail(FAIL_INTERNAL, "cannot marshal a private area");
	return bytes_set(ret, buf, len);
}
