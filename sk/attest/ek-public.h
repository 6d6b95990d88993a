/* SPDX-License-Identifier: ISC */
/*
 * The public area of an endorsement key (EK), as bytes: a TPM2B_PUBLIC as in
 * part 2 of the TPM 2.0 Library, 12.2.5, with its size field. The kinds are
 * those of the TCG EK Credential Profile, but for P-521. No TSS header is
 * needed, as a CA reads it and has no TPM.
 */
#ifndef SKTPM_EK_PUBLIC_H
#define SKTPM_EK_PUBLIC_H

#include <openssl/evp.h>

#include "base/bytes.h"

enum ek_type {
	EK_RSA_2048,
	EK_RSA_3072,
	EK_RSA_4096,
	EK_P256,
	EK_P384,
};

enum ek_hash { /* TPM_ALG_ID */
	EK_SHA256 = 0x000b,
	EK_SHA384 = 0x000c,
};

#define EK_NUMBERS_MAX 512

struct ek_public {
	enum ek_type type;
	enum ek_hash name_alg;
	uint32_t aes_bits; /* 128 or 256, in CFB mode */
	/* Big-endian: RSA's modulus; or X and Y, each of half the length. */
	uint8_t numbers[EK_NUMBERS_MAX];
	size_t numbers_len; /* follows from the type */
};

/*
 * Reads a public area. Coordinates may lack zeros in front, as TPMs may drop
 * them. 0; FAIL_EK for what is not read to the last byte, is no endorsement key
 * that decrypts credentials alone, or has a point that is not on its curve.
 */
int ek_public_parse(struct slice area, struct ek_public *ret) MUST_CHECK;

bool ek_public_is_rsa(const struct ek_public *ek);

const EVP_MD *ek_public_hash(const struct ek_public *ek);

/*
 * The DER SubjectPublicKeyInfo: rsaEncryption, or a named curve with an
 * uncompressed point. 0 or FAIL_MEMORY.
 */
int ek_public_spki(const struct ek_public *ek, struct bytes *ret) MUST_CHECK;

/* The key for OpenSSL, the caller's to free. 0, FAIL_EK or FAIL_MEMORY. */
int ek_public_pkey(const struct ek_public *ek, EVP_PKEY **ret) MUST_CHECK;

#endif
