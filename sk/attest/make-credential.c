/* SPDX-License-Identifier: ISC */
#include <openssl/hmac.h>
#include <string.h>

#include "attest/kdf.h"
#include "attest/make-credential.h"
#include "attest/seed.h"
#include "attest/tpm2b.h"
#include "base/error.h"
#include "base/log.h"

static const struct slice nothing = { 0 };

/* AES in CFB mode with an IV of zeros, in place. */
static int
encrypt(const EVP_CIPHER *aes, const uint8_t *key, struct bytes *text)
{
	static const uint8_t iv[16] = { 0 };
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int r = 0, n;

	if (ctx == NULL || EVP_EncryptInit_ex(ctx, aes, NULL, key, iv) != 1 ||
	    EVP_EncryptUpdate(
		ctx, text->data, &n, text->data, (int)text->len) != 1)
		r = fail(FAIL_INTERNAL, "cannot encrypt a credential");
	EVP_CIPHER_CTX_free(ctx);
	return r;
}

/* The secret with its size, encrypted to the Name. */
static int
encrypt_secret(const struct ek_public *ek, struct slice seed, struct slice name,
    struct slice secret, struct bytes *ret)
{
	const EVP_CIPHER *aes =
	    ek->aes_bits == 256 ? EVP_aes_256_cfb128() : EVP_aes_128_cfb128();
	struct bytes text = { 0 };
	uint8_t key[32];
	int r;

	if ((r = kdfa(ek_public_hash(ek), seed, "STORAGE", name, nothing,
		 ek->aes_bits, key)) == 0 &&
	    (r = tpm2b_put(&text, secret)) == 0 &&
	    (r = encrypt(aes, key, &text)) == 0)
		bytes_move(&text, ret);
	explicit_bzero(key, sizeof(key));
	bytes_reset(&text);
	return r;
}

/* HMAC over the encrypted secret and the Name, with its size. */
static int
put_integrity(const struct ek_public *ek, struct slice seed,
    const struct bytes *encrypted, struct slice name, struct bytes *out)
{
	const EVP_MD *hash = ek_public_hash(ek);
	const size_t len = (size_t)EVP_MD_size(hash);
	uint8_t key[EVP_MAX_MD_SIZE], mac[EVP_MAX_MD_SIZE];
	struct bytes in = { 0 };
	int r;

	if ((r = kdfa(hash, seed, "INTEGRITY", nothing, nothing,
		 (uint32_t)len * 8, key)) != 0 ||
	    (r = bytes_append(&in, encrypted->data, encrypted->len)) != 0 ||
	    (r = bytes_append(&in, name.data, name.len)) != 0)
		goto out;
	if (HMAC(hash, key, (int)len, in.data, in.len, mac, NULL) == NULL)
		r = fail(FAIL_INTERNAL, "cannot protect a credential");
	else
		r = tpm2b_put(out, (struct slice){ mac, len });
out:
	explicit_bzero(key, sizeof(key));
	bytes_reset(&in);
	return r;
}

int
make_credential(const struct ek_public *ek, struct slice name,
    struct slice secret, struct bytes *ret_id_object,
    struct bytes *ret_encrypted_secret)
{
	struct bytes seed = { 0 }, shared = { 0 }, encrypted = { 0 };
	struct bytes content = { 0 }, id_object = { 0 };
	int r;

	if ((r = seed_share(ek, "IDENTITY", &seed, &shared)) == 0 &&
	    (r = encrypt_secret(
		 ek, bytes_slice(&seed), name, secret, &encrypted)) == 0 &&
	    (r = put_integrity(
		 ek, bytes_slice(&seed), &encrypted, name, &content)) == 0 &&
	    (r = bytes_append(&content, encrypted.data, encrypted.len)) == 0 &&
	    (r = tpm2b_put(&id_object, bytes_slice(&content))) == 0) {
		bytes_move(&id_object, ret_id_object);
		bytes_move(&shared, ret_encrypted_secret);
	}
	bytes_reset(&seed);
	bytes_reset(&shared);
	bytes_reset(&encrypted);
	bytes_reset(&content);
	bytes_reset(&id_object);
	return r;
}
