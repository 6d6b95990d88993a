/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "attest/ek-kind.h"

const struct ek_kind ek_kinds[EK_N_KINDS] = {
	[EK_DEFAULT_ECC] = { "P-256", EK_P256, EK_POLICY_A, 0x01c0000a,
	    0x01c0000b, 0x01c0000c, 0x81010002 },
	{ "P-256", EK_P256, EK_POLICY_B, 0x01c00014, 0, 0x01c00015,
	    0x81010014 },
	{ "P-384", EK_P384, EK_POLICY_B, 0x01c00016, 0, 0x01c00017,
	    0x81010016 },
	[EK_DEFAULT_RSA] = { "RSA-2048", EK_RSA_2048, EK_POLICY_A, 0x01c00002,
	    0x01c00003, 0x01c00004, 0x81010001 },
	{ "RSA-2048", EK_RSA_2048, EK_POLICY_B, 0x01c00012, 0, 0x01c00013,
	    0x81010012 },
	{ "RSA-3072", EK_RSA_3072, EK_POLICY_B, 0x01c0001c, 0, 0x01c0001d,
	    0x8101001c },
	{ "RSA-4096", EK_RSA_4096, EK_POLICY_B, 0x01c0001e, 0, 0x01c0001f,
	    0x8101001e },
};

/*
 * A: PolicySecret(TPM_RH_ENDORSEMENT). C: PolicyAuthorizeNV with the index
 * 0x01c07f01 or 0x01c07f02. B: PolicyOR(A, C). Each with SHA-256 and SHA-384;
 * profile, annex B.6.
 */
static const uint8_t policy_a256[] = { 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3,
	0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7,
	0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69,
	0xaa };
static const uint8_t policy_b256[] = { 0xca, 0x3d, 0x0a, 0x99, 0xa2, 0xb9, 0x39,
	0x06, 0xf7, 0xa3, 0x34, 0x24, 0x14, 0xef, 0xcf, 0xb3, 0xa3, 0x85, 0xd4,
	0x4c, 0xd1, 0xfd, 0x45, 0x90, 0x89, 0xd1, 0x9b, 0x50, 0x71, 0xc0, 0xb7,
	0xa0 };
static const uint8_t policy_c256[] = { 0x37, 0x67, 0xe2, 0xed, 0xd4, 0x3f, 0xf4,
	0x5a, 0x3a, 0x7e, 0x1e, 0xae, 0xfc, 0xef, 0x78, 0x64, 0x3d, 0xca, 0x96,
	0x46, 0x32, 0xe7, 0xaa, 0xd8, 0x2c, 0x67, 0x3a, 0x30, 0xd8, 0x63, 0x3f,
	0xde };
static const uint8_t policy_a384[] = { 0x8b, 0xbf, 0x22, 0x66, 0x53, 0x7c, 0x17,
	0x1c, 0xb5, 0x6e, 0x40, 0x3c, 0x4d, 0xc1, 0xd4, 0xb6, 0x4f, 0x43, 0x26,
	0x11, 0xdc, 0x38, 0x6e, 0x6f, 0x53, 0x20, 0x50, 0xc3, 0x27, 0x8c, 0x93,
	0x0e, 0x14, 0x3e, 0x8b, 0xb1, 0x13, 0x38, 0x24, 0xcc, 0xb4, 0x31, 0x05,
	0x38, 0x71, 0xc6, 0xdb, 0x53 };
static const uint8_t policy_b384[] = { 0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50,
	0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5, 0xfd, 0x3a, 0x1a, 0x07, 0x41, 0x48,
	0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19,
	0xca, 0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0,
	0x00, 0xf3, 0xf8, 0x0e, 0x12 };
static const uint8_t policy_c384[] = { 0xd6, 0x03, 0x2c, 0xe6, 0x1f, 0x2f, 0xb3,
	0xc2, 0x40, 0xeb, 0x3c, 0xf6, 0xa3, 0x32, 0x37, 0xef, 0x2b, 0x6a, 0x16,
	0xf4, 0x29, 0x3c, 0x22, 0xb4, 0x55, 0xe2, 0x61, 0xcf, 0xfd, 0x21, 0x7a,
	0xd5, 0xb4, 0x94, 0x7c, 0x2d, 0x73, 0xe6, 0x30, 0x05, 0xee, 0xd2, 0xdc,
	0x2b, 0x35, 0x93, 0xd1, 0x65 };

#define ATTRIBUTES                                                          \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |                   \
	    TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY | \
	    TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

static bool
is_large(enum ek_type type)
{
	return type != EK_P256 && type != EK_RSA_2048;
}

static void
put_policy(TPM2B_DIGEST *to, const uint8_t *with_sha256,
    const uint8_t *with_sha384, TPMI_ALG_HASH hash)
{
	to->size = hash == TPM2_ALG_SHA384 ? 48 : 32;
	memcpy(to->buffer, hash == TPM2_ALG_SHA384 ? with_sha384 : with_sha256,
	    to->size);
}

static void
put_rsa(const struct ek_kind *kind, TPMT_PUBLIC *area)
{
	TPMS_RSA_PARMS *rsa = &area->parameters.rsaDetail;

	area->type = TPM2_ALG_RSA;
	rsa->symmetric.algorithm = TPM2_ALG_AES;
	rsa->symmetric.keyBits.aes = is_large(kind->type) ? 256 : 128;
	rsa->symmetric.mode.aes = TPM2_ALG_CFB;
	rsa->scheme.scheme = TPM2_ALG_NULL;
	rsa->keyBits = kind->type == EK_RSA_2048 ? 2048
	    : kind->type == EK_RSA_3072		 ? 3072
						 : 4096;
	if (kind->policy == EK_POLICY_A)
		area->unique.rsa.size = 256;
}

static void
put_ecc(const struct ek_kind *kind, TPMT_PUBLIC *area)
{
	TPMS_ECC_PARMS *ecc = &area->parameters.eccDetail;

	area->type = TPM2_ALG_ECC;
	ecc->symmetric.algorithm = TPM2_ALG_AES;
	ecc->symmetric.keyBits.aes = is_large(kind->type) ? 256 : 128;
	ecc->symmetric.mode.aes = TPM2_ALG_CFB;
	ecc->scheme.scheme = TPM2_ALG_NULL;
	ecc->curveID =
	    kind->type == EK_P256 ? TPM2_ECC_NIST_P256 : TPM2_ECC_NIST_P384;
	ecc->kdf.scheme = TPM2_ALG_NULL;
	if (kind->policy == EK_POLICY_A) {
		area->unique.ecc.x.size = 32;
		area->unique.ecc.y.size = 32;
	}
}

void
ek_kind_template(const struct ek_kind *kind, TPMT_PUBLIC *ret)
{
	TPMT_PUBLIC area = { .objectAttributes = ATTRIBUTES };

	area.nameAlg = is_large(kind->type) ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256;
	if (kind->policy == EK_POLICY_B) {
		area.objectAttributes |= TPMA_OBJECT_USERWITHAUTH;
		put_policy(
		    &area.authPolicy, policy_b256, policy_b384, area.nameAlg);
	} else {
		put_policy(
		    &area.authPolicy, policy_a256, policy_a384, area.nameAlg);
	}
	if (kind->type == EK_P256 || kind->type == EK_P384)
		put_ecc(kind, &area);
	else
		put_rsa(kind, &area);
	*ret = area;
}

bool
ek_kind_put_nonce(TPMT_PUBLIC *template, struct slice nonce)
{
	const bool is_rsa = template->type == TPM2_ALG_RSA;
	const UINT16 size = is_rsa ? 256 : 32;
	uint8_t *to = is_rsa ? template->unique.rsa.buffer
			     : template->unique.ecc.x.buffer;

	if (nonce.len > size)
		return false;
	memset(&template->unique, 0, sizeof(template->unique));
	memcpy(to, nonce.data, nonce.len);
	if (is_rsa) {
		template->unique.rsa.size = size;
	} else {
		template->unique.ecc.x.size = size;
		template->unique.ecc.y.size = size;
	}
	return true;
}

static bool
has_policy(const TPMT_PUBLIC *area, enum ek_policy policy)
{
	TPM2B_DIGEST wanted;

	if (policy == EK_POLICY_A)
		put_policy(&wanted, policy_a256, policy_a384, area->nameAlg);
	else
		put_policy(&wanted, policy_b256, policy_b384, area->nameAlg);
	return area->authPolicy.size == wanted.size &&
	    memcmp(area->authPolicy.buffer, wanted.buffer, wanted.size) == 0;
}

const struct ek_kind *
ek_kind_of(const struct ek_public *ek, const TPMT_PUBLIC *area)
{
	for (size_t i = 0; i < EK_N_KINDS; i++)
		if (ek_kinds[i].type == ek->type &&
		    has_policy(area, ek_kinds[i].policy))
			return &ek_kinds[i];
	return NULL;
}

void
ek_kind_branches(enum ek_hash name_alg, TPML_DIGEST *ret)
{
	TPML_DIGEST branches = { .count = 2 };

	put_policy(&branches.digests[0], policy_a256, policy_a384,
	    (TPMI_ALG_HASH)name_alg);
	put_policy(&branches.digests[1], policy_c256, policy_c384,
	    (TPMI_ALG_HASH)name_alg);
	*ret = branches;
}
