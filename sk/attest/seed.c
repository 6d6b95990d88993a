/* SPDX-License-Identifier: ISC */
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

#include "attest/kdf.h"
#include "attest/seed.h"
#include "attest/tpm2b.h"
#include "base/error.h"
#include "base/log.h"

#if OPENSSL_VERSION_NUMBER < 0x30000000L
#define EVP_PKEY_get1_encoded_public_key EVP_PKEY_get1_tls_encodedpoint
#endif

#define COORDINATE_MAX 48 /* P-384 */

static int
fail_sharing(void)
{
	return fail(FAIL_INTERNAL, "cannot encrypt for the endorsement key");
}

/* --- RSA --------------------------------------------------------------- */

/* OAEP with nameAlg, for MGF1 too; its label includes the zero at the end. */
static bool
set_oaep(EVP_PKEY_CTX *ctx, const EVP_MD *hash, const char *label)
{
	const size_t len = strlen(label) + 1;
	void *copy = OPENSSL_memdup(label, len);

	if (copy == NULL || EVP_PKEY_encrypt_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(ctx, hash) != 1 ||
	    EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, (int)len) != 1) {
		OPENSSL_free(copy);
		return false;
	}
	return true; /* the copy is ctx's now */
}

static int
share_rsa(EVP_PKEY *pkey, const EVP_MD *hash, const char *label, uint8_t *seed,
    struct bytes *ret_encrypted)
{
	const int seed_len = EVP_MD_size(hash);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	uint8_t encrypted[EK_NUMBERS_MAX];
	size_t len = sizeof(encrypted);
	int r;

	if (RAND_bytes(seed, seed_len) != 1 || ctx == NULL ||
	    !set_oaep(ctx, hash, label) ||
	    EVP_PKEY_encrypt(ctx, encrypted, &len, seed, (size_t)seed_len) != 1)
		r = fail_sharing();
	else
		r = tpm2b_put(ret_encrypted, (struct slice){ encrypted, len });
	EVP_PKEY_CTX_free(ctx);
	return r;
}

/* --- ECC --------------------------------------------------------------- */

/* A new key on the same curve. NULL on failure. */
static EVP_PKEY *
new_ephemeral(EVP_PKEY *like)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(like, NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_keygen(ctx, &pkey) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* Z, the x of the shared point, padded to len bytes. */
static bool
agree(EVP_PKEY *ephemeral, EVP_PKEY *pkey, uint8_t *z, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ephemeral, NULL);
	size_t n = len;
	bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_derive_set_peer(ctx, pkey) == 1 &&
	    EVP_PKEY_derive(ctx, z, &n) == 1 && n == len;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/*
 * The TPM takes the x of both points, each padded to the size of the field,
 * as it is sent: a TPMS_ECC_POINT.
 */
static int
share_ecc(EVP_PKEY *pkey, const struct ek_public *ek, const char *label,
    uint8_t *seed, struct bytes *ret_encrypted)
{
	const size_t len = ek->numbers_len / 2;
	EVP_PKEY *ephemeral = new_ephemeral(pkey);
	unsigned char *encoded = NULL; /* 4, X, Y */
	uint8_t z[COORDINATE_MAX];
	struct bytes point = { 0 };
	struct slice x, y;
	const EVP_MD *hash = ek_public_hash(ek);
	int r;

	if (ephemeral == NULL ||
	    EVP_PKEY_get1_encoded_public_key(ephemeral, &encoded) !=
		1 + 2 * len ||
	    !agree(ephemeral, pkey, z, len)) {
		r = fail_sharing();
		goto out;
	}
	x = (struct slice){ encoded + 1, len };
	y = (struct slice){ encoded + 1 + len, len };
	if ((r = kdfe(hash, (struct slice){ z, len }, label, x,
		 (struct slice){ ek->numbers, len },
		 (uint32_t)EVP_MD_size(hash) * 8, seed)) == 0 &&
	    (r = tpm2b_put(&point, x)) == 0 && (r = tpm2b_put(&point, y)) == 0)
		r = tpm2b_put(ret_encrypted, bytes_slice(&point));
out:
	explicit_bzero(z, sizeof(z));
	bytes_reset(&point);
	OPENSSL_free(encoded);
	EVP_PKEY_free(ephemeral);
	return r;
}

int
seed_share(const struct ek_public *ek, const char *label,
    struct bytes *ret_seed, struct bytes *ret_encrypted)
{
	const EVP_MD *hash = ek_public_hash(ek);
	uint8_t seed[EVP_MAX_MD_SIZE];
	struct bytes encrypted = { 0 };
	EVP_PKEY *pkey = NULL;
	int r;

	if ((r = ek_public_pkey(ek, &pkey)) != 0)
		return r;
	if (ek_public_is_rsa(ek))
		r = share_rsa(pkey, hash, label, seed, &encrypted);
	else
		r = share_ecc(pkey, ek, label, seed, &encrypted);
	if (r == 0 &&
	    (r = bytes_set(ret_seed, seed, (size_t)EVP_MD_size(hash))) == 0)
		bytes_move(&encrypted, ret_encrypted);
	explicit_bzero(seed, sizeof(seed));
	bytes_reset(&encrypted);
	EVP_PKEY_free(pkey);
	return r;
}
