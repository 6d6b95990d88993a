/* SPDX-License-Identifier: ISC */
/*
 * A SecurityKeyProvider in software, for tests only: another provider to live
 * beside, and one that costs nothing to compare with. Its key handle is
 * "soft", the flags, the PIN with a length byte, and the private key itself.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#pragma GCC visibility push(default)
#include "sk-api.h"
#pragma GCC visibility pop

#define MAGIC "soft"
#define MAGIC_LEN 4
#define MAX_HANDLE 512

struct soft_key {
	uint8_t flags;
	char pin[64];
	EVP_PKEY *key;
};

uint32_t
sk_api_version(void)
{
	return (uint32_t)SK_API_MAJOR << 16;
}

static uint8_t *
copy(const void *data, size_t n)
{
	uint8_t *p = malloc(n);

	if (p == NULL)
		abort();
	return memcpy(p, data, n);
}

static EVP_PKEY *
generate(uint32_t alg)
{
	int type = alg == SSH_SK_ED25519 ? EVP_PKEY_ED25519 : EVP_PKEY_EC;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(type, NULL);
	EVP_PKEY *key = NULL;

	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 ||
	    (type == EVP_PKEY_EC &&
		EVP_PKEY_CTX_set_ec_paramgen_curve_nid(
		    ctx, NID_X9_62_prime256v1) != 1) ||
	    EVP_PKEY_keygen(ctx, &key) != 1)
		abort();
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* A public key as OpenSSH has it is what its SubjectPublicKeyInfo ends with. */
static uint8_t *
public_half(uint32_t alg, EVP_PKEY *key, size_t *ret_len)
{
	uint8_t der[128], *end = der;

	if (i2d_PUBKEY(key, NULL) > (int)sizeof(der))
		abort();
	i2d_PUBKEY(key, &end);
	*ret_len = alg == SSH_SK_ED25519 ? 32 : 65;
	return copy(end - *ret_len, *ret_len);
}

static size_t
encode(const struct soft_key *k, uint8_t out[MAX_HANDLE])
{
	uint8_t *p = out, *der;

	memcpy(p, MAGIC, MAGIC_LEN);
	p += MAGIC_LEN;
	*p++ = k->flags;
	*p++ = (uint8_t)strlen(k->pin);
	memcpy(p, k->pin, strlen(k->pin));
	p += strlen(k->pin);
	der = p;
	p += i2d_PrivateKey(k->key, &der);
	return (size_t)(der - out);
}

static int
decode(uint32_t alg, const uint8_t *h, size_t n, struct soft_key *ret)
{
	const uint8_t *p = h + MAGIC_LEN + 2;
	size_t pin_len;

	if (n < MAGIC_LEN + 2 || n > MAX_HANDLE ||
	    memcmp(h, MAGIC, MAGIC_LEN) != 0)
		return SSH_SK_ERR_DEVICE_NOT_FOUND;
	ret->flags = h[MAGIC_LEN];
	pin_len = h[MAGIC_LEN + 1];
	if (pin_len >= sizeof(ret->pin) || pin_len > n - MAGIC_LEN - 2)
		return SSH_SK_ERR_GENERAL;
	memcpy(ret->pin, p, pin_len);
	ret->pin[pin_len] = '\0';
	p += pin_len;
	ret->key = d2i_PrivateKey(
	    alg == SSH_SK_ED25519 ? EVP_PKEY_ED25519 : EVP_PKEY_EC, NULL, &p,
	    (long)(n - (size_t)(p - h)));
	return ret->key != NULL ? 0 : SSH_SK_ERR_GENERAL;
}

int
sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len,
    const char *application, uint8_t flags, const char *pin,
    struct sk_option **options, struct sk_enroll_response **enroll_response)
{
	struct soft_key k = { .flags = flags };
	struct sk_enroll_response *resp;
	uint8_t handle[MAX_HANDLE];

	(void)challenge;
	(void)challenge_len;
	(void)application;
	(void)options;
	if ((flags & SSH_SK_USER_VERIFICATION_REQD) != 0) {
		if (pin == NULL || strlen(pin) >= sizeof(k.pin))
			return SSH_SK_ERR_PIN_REQUIRED;
		strcpy(k.pin, pin);
	}
	if ((resp = calloc(1, sizeof(*resp))) == NULL)
		abort();
	k.key = generate(alg);
#if SK_API_MAJOR >= 9
	resp->flags = flags;
#endif
	resp->public_key = public_half(alg, k.key, &resp->public_key_len);
	resp->key_handle_len = encode(&k, handle);
	resp->key_handle = copy(handle, resp->key_handle_len);
	EVP_PKEY_free(k.key);
	*enroll_response = resp;
	return 0;
}

/* What FIDO signs: SHA256(application), flags, counter, SHA256(message). */
static void
signed_data(const char *application, uint8_t flags, const uint8_t *message,
    size_t len, uint8_t out[69])
{
	SHA256((const uint8_t *)application, strlen(application), out);
	out[32] = flags;
	memset(out + 33, 0, 4);
	SHA256(message, len, out + 37);
}

static void
fill_ecdsa(const uint8_t *der, size_t n, struct sk_sign_response *resp)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);

	if (sig == NULL)
		abort();
	resp->sig_r = calloc(1, 32);
	resp->sig_s = calloc(1, 32);
	if (resp->sig_r == NULL || resp->sig_s == NULL)
		abort();
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), resp->sig_r, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), resp->sig_s, 32);
	resp->sig_r_len = resp->sig_s_len = 32;
	ECDSA_SIG_free(sig);
}

int
sk_sign(uint32_t alg, const uint8_t *data, size_t data_len,
    const char *application, const uint8_t *key_handle, size_t key_handle_len,
    uint8_t flags, const char *pin, struct sk_option **options,
    struct sk_sign_response **sign_response)
{
	struct sk_sign_response *resp;
	EVP_MD_CTX *ctx;
	uint8_t message[69], sig[128];
	size_t n = sizeof(sig);
	struct soft_key k;
	int r;

	(void)options;
	if ((r = decode(alg, key_handle, key_handle_len, &k)) != 0)
		return r;
	if (k.pin[0] != '\0' && (pin == NULL || strcmp(pin, k.pin) != 0)) {
		EVP_PKEY_free(k.key);
		return SSH_SK_ERR_PIN_REQUIRED;
	}
	if ((resp = calloc(1, sizeof(*resp))) == NULL ||
	    (ctx = EVP_MD_CTX_new()) == NULL)
		abort();
	resp->flags =
	    flags & (SSH_SK_USER_PRESENCE_REQD | SSH_SK_USER_VERIFICATION_REQD);
	signed_data(application, resp->flags, data, data_len, message);
	if (EVP_DigestSignInit(ctx, NULL,
		alg == SSH_SK_ED25519 ? NULL : EVP_sha256(), NULL,
		k.key) != 1 ||
	    EVP_DigestSign(ctx, sig, &n, message, sizeof(message)) != 1)
		abort();
	if (alg == SSH_SK_ED25519) {
		resp->sig_r = copy(sig, n);
		resp->sig_r_len = n;
	} else {
		fill_ecdsa(sig, n, resp);
	}
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(k.key);
	*sign_response = resp;
	return 0;
}

int
sk_load_resident_keys(const char *pin, struct sk_option **options,
    struct sk_resident_key ***rks, size_t *nrks)
{
	(void)pin;
	(void)options;
	*rks = NULL;
	*nrks = 0;
	return 0;
}
