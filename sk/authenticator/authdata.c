/* SPDX-License-Identifier: ISC */
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/cbor.h"
#include "base/error.h"
#include "authenticator/authdata.h"
#include "base/log.h"

#if OPENSSL_VERSION_NUMBER < 0x30000000L
#define EVP_PKEY_set1_encoded_public_key EVP_PKEY_set1_tls_encodedpoint
#endif

/*
 * AAGUID, the model of authenticator in attestations: drawn at random once,
 * for every sk-tpm. b9689aef-0eea-45b9-93a6-552bbd26a826
 */
static const uint8_t aaguid[16] = { 0xb9, 0x68, 0x9a, 0xef, 0x0e, 0xea, 0x45,
	0xb9, 0x93, 0xa6, 0x55, 0x2b, 0xbd, 0x26, 0xa8, 0x26 };

/* COSE_Key (RFC 9053) of P-256 for ES256: {1: 2, 3: -7, -1: 1, -2: X, -3: Y} */
static const uint8_t cose_until_x[] = { 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20,
	0x01, 0x21, 0x58, 0x20 };
static const uint8_t cose_until_y[] = { 0x22, 0x58, 0x20 };

static int
sha256(struct slice in, uint8_t ret[FIDO_DIGEST_LEN])
{
	if (EVP_Digest(in.data, in.len, ret, NULL, EVP_sha256(), NULL) != 1)
		return fail(FAIL_INTERNAL, "SHA-256 failed");
	return 0;
}

int
fido_application_hash(const char *application, uint8_t ret[FIDO_DIGEST_LEN])
{
	return sha256(
	    (struct slice){ (const uint8_t *)application, strlen(application) },
	    ret);
}

/* The 37 bytes that begin both an assertion and authenticator data. */
#define PREFIX_LEN (FIDO_DIGEST_LEN + 1 + 4)

static int
encode_prefix(const char *application, uint8_t flags, uint8_t ret[PREFIX_LEN])
{
	memset(ret, FIDO_COUNTER, PREFIX_LEN);
	ret[FIDO_DIGEST_LEN] = flags;
	return fido_application_hash(application, ret);
}

int
fido_assertion_digest(const char *application, uint8_t flags,
    struct slice message, uint8_t ret_digest[FIDO_DIGEST_LEN])
{
	uint8_t in[PREFIX_LEN + FIDO_DIGEST_LEN];
	int r;

	if ((r = encode_prefix(application, flags, in)) != 0 ||
	    (r = sha256(message, in + PREFIX_LEN)) != 0)
		return r;
	return sha256((struct slice){ in, sizeof(in) }, ret_digest);
}

static int
append_cose_key(struct bytes *out, const struct ec_point *point)
{
	int r;

	if ((r = bytes_append(out, cose_until_x, sizeof(cose_until_x))) != 0 ||
	    (r = bytes_append(out, point->x, sizeof(point->x))) != 0 ||
	    (r = bytes_append(out, cose_until_y, sizeof(cose_until_y))) != 0)
		return r;
	return bytes_append(out, point->y, sizeof(point->y));
}

int
fido_authenticator_data(const char *application, uint8_t flags,
    struct slice key_handle, const struct ec_point *point, struct bytes *ret)
{
	uint8_t prefix[PREFIX_LEN], len[2];
	struct bytes out = { 0 };
	int r;

	if (key_handle.len > UINT16_MAX)
		return fail(
		    FAIL_ARGUMENT, "key handle of %zu bytes", key_handle.len);
	len[0] = (uint8_t)(key_handle.len >> 8);
	len[1] = (uint8_t)key_handle.len;
	if ((r = encode_prefix(application, flags | FIDO_FLAG_AT, prefix)) !=
		0 ||
	    (r = bytes_append(&out, prefix, sizeof(prefix))) != 0 ||
	    (r = bytes_append(&out, aaguid, sizeof(aaguid))) != 0 ||
	    (r = bytes_append(&out, len, sizeof(len))) != 0 ||
	    (r = bytes_append(&out, key_handle.data, key_handle.len)) != 0 ||
	    (r = append_cose_key(&out, point)) != 0)
		goto out;
	bytes_move(&out, ret);
out:
	bytes_reset(&out);
	return r;
}

int
fido_wrap_authdata(struct slice authdata, struct bytes *ret)
{
	struct bytes out = { 0 };
	int r;

	if ((r = cbor_put_bytes(&out, authdata)) == 0)
		bytes_move(&out, ret);
	bytes_reset(&out);
	return r;
}

int
fido_attestation_digest(struct slice authdata, struct slice challenge,
    uint8_t ret_digest[FIDO_DIGEST_LEN])
{
	uint8_t client_data[FIDO_DIGEST_LEN];
	struct bytes in = { 0 };
	int r;

	if ((r = sha256(challenge, client_data)) != 0 ||
	    (r = bytes_append(&in, authdata.data, authdata.len)) != 0 ||
	    (r = bytes_append(&in, client_data, sizeof(client_data))) != 0)
		goto out;
	r = sha256(bytes_slice(&in), ret_digest);
out:
	bytes_reset(&in);
	return r;
}

void
fido_point_encode(const struct ec_point *point, uint8_t ret[FIDO_POINT_LEN])
{
	ret[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(ret + 1, point->x, sizeof(point->x));
	memcpy(ret + 33, point->y, sizeof(point->y));
}

int
fido_signature_der(const struct ec_signature *sig, struct bytes *ret)
{
	BIGNUM *r = BN_bin2bn(sig->r, sizeof(sig->r), NULL);
	BIGNUM *s = BN_bin2bn(sig->s, sizeof(sig->s), NULL);
	ECDSA_SIG *ecdsa = ECDSA_SIG_new();
	unsigned char *der = NULL;
	int err = FAIL_MEMORY, len;

	if (r == NULL || s == NULL || ecdsa == NULL ||
	    ECDSA_SIG_set0(ecdsa, r, s) != 1) {
		fail(err, "out of memory");
		goto out;
	}
	r = s = NULL; /* now ecdsa's */
	if ((len = i2d_ECDSA_SIG(ecdsa, &der)) <= 0) {
		err = fail(FAIL_INTERNAL, "cannot encode a signature");
		goto out;
	}
	err = bytes_set(ret, der, (size_t)len);
out:
	OPENSSL_free(der);
	ECDSA_SIG_free(ecdsa);
	BN_free(r);
	BN_free(s);
	return err;
}

/*
 * The curve first, then the point: to read a SubjectPublicKeyInfo would have
 * OpenSSL 3 set up its decoders, which costs more than the verification. NULL
 * for a point that is not on the curve.
 */
static EVP_PKEY *
point_to_pkey(const struct ec_point *point)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	uint8_t encoded[FIDO_POINT_LEN];
	EVP_PKEY *pkey = NULL;

	fido_point_encode(point, encoded);
	if (ctx == NULL || EVP_PKEY_paramgen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) !=
		1 ||
	    EVP_PKEY_paramgen(ctx, &pkey) != 1 ||
	    EVP_PKEY_set1_encoded_public_key(pkey, encoded, sizeof(encoded)) !=
		1) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

int
fido_verify(const struct ec_point *point, const uint8_t digest[FIDO_DIGEST_LEN],
    const struct ec_signature *sig)
{
	EVP_PKEY *pkey = point_to_pkey(point);
	EVP_PKEY_CTX *ctx = NULL;
	struct bytes der = { 0 };
	int r, n;

	if (pkey == NULL &&
	    ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE) {
		r = fail(FAIL_MEMORY, "out of memory");
		goto out;
	}
	if (pkey == NULL) {
		r = fail(FAIL_FORGED,
		    "the TPM's public key is not a point of P-256");
		goto out;
	}
	if ((r = fido_signature_der(sig, &der)) != 0)
		goto out;
	if ((ctx = EVP_PKEY_CTX_new(pkey, NULL)) == NULL ||
	    EVP_PKEY_verify_init(ctx) != 1) {
		r = fail(FAIL_INTERNAL, "cannot verify a signature");
		goto out;
	}
	n = EVP_PKEY_verify(ctx, der.data, der.len, digest, FIDO_DIGEST_LEN);
	if (n == 0)
		r = fail(FAIL_FORGED,
		    "the TPM returned a signature that does not verify");
	else if (n != 1)
		r = fail(FAIL_INTERNAL, "cannot verify a signature");
out:
	bytes_reset(&der);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return r;
}
