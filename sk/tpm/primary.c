/* SPDX-License-Identifier: ISC */
#include "base/error.h"
#include "base/log.h"
#include "tpm/object.h"
#include "tpm/primary.h"
#include "tpm/rc.h"
#include "tpm/retry.h"

/*
 * ECC P-256 SRK template of the TCG (TCG TPM v2.0 Provisioning Guidance, 7.5.1,
 * and TCG EK Credential Profile, template H-2 without its policy). Both ways
 * to fill `unique` are in the field; they give different keys.
 */
#define SRK_ATTRIBUTES                                                   \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |                \
	    TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | \
	    TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

#define SRK_PUBLIC_AREA(unique_len)                                        \
	{                                                                  \
		.publicArea = {                                          \
			.type = TPM2_ALG_ECC,                            \
			.nameAlg = TPM2_ALG_SHA256,                      \
			.objectAttributes = SRK_ATTRIBUTES,              \
			.parameters.eccDetail = {                        \
				.symmetric = {                           \
					.algorithm = TPM2_ALG_AES,       \
					.keyBits.aes = 128,              \
					.mode.aes = TPM2_ALG_CFB,        \
				},                                       \
				.scheme.scheme = TPM2_ALG_NULL,          \
				.curveID = TPM2_ECC_NIST_P256,           \
				.kdf.scheme = TPM2_ALG_NULL,             \
			},                                               \
			.unique.ecc = {                                  \
				.x.size = (unique_len),                  \
				.y.size = (unique_len),                  \
			},                                               \
		}, \
	}

static const TPM2B_PUBLIC templates[PRIMARY_N_TEMPLATES] = {
	[PRIMARY_SRK] = SRK_PUBLIC_AREA(0),
	[PRIMARY_SRK_ZEROS] = SRK_PUBLIC_AREA(32),
};

int
primary_create(struct tpm *tpm, ESYS_TR hierarchy, ESYS_TR session,
    enum primary_template template, ESYS_TR *ret_key,
    uint8_t ret_name[TPM_NAME_LEN])
{
	const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION pcrs = { 0 };
	ESYS_TR key = ESYS_TR_NONE;
	TSS2_RC rc;
	int r;

	rc = TPM_RETRY(Esys_CreatePrimary(tpm_esys(tpm), hierarchy, session,
	    tpm_guard_beside(tpm, session), ESYS_TR_NONE, &sensitive,
	    &templates[template], &outside, &pcrs, &key, NULL, NULL, NULL,
	    NULL));
	if (tpm_rc(rc) == TPM2_RC_BAD_AUTH || tpm_rc(rc) == TPM2_RC_AUTH_FAIL)
		return fail(FAIL_OWNER_AUTH,
		    "there is no usable storage root key at 0x%08x, and "
		    "creating one needs the TPM's owner password",
		    PRIMARY_SRK_HANDLE);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "create the storage root key");
	log_debug("created a storage root key by template %u", template + 1);
	if (ret_name != NULL &&
	    (r = tpm_object_name(tpm, key, ret_name)) != 0) {
		tpm_flush(tpm, &key);
		return r;
	}
	*ret_key = key;
	return 0;
}

int
primary_create_null(struct tpm *tpm, ESYS_TR *ret)
{
	return primary_create(
	    tpm, ESYS_TR_RH_NULL, ESYS_TR_PASSWORD, PRIMARY_SRK, ret, NULL);
}
