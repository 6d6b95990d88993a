/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "authenticator/authdata.h"
#include "base/cbor.h"
#include "base/error.h"
#include "base/log.h"

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

/* The 37 bytes that begin both an assertion and authenticator data. */
#define PREFIX_LEN (SHA256_LEN + 1 + 4)

static int
encode_prefix(const char *application, uint8_t flags, uint8_t ret[PREFIX_LEN])
{
	memset(ret, FIDO_COUNTER, PREFIX_LEN);
	ret[SHA256_LEN] = flags;
	return sha256_text(application, ret);
}

int
fido_assertion_digest(const char *application, uint8_t flags,
    struct slice message, uint8_t ret_digest[SHA256_LEN])
{
	uint8_t in[PREFIX_LEN + SHA256_LEN];
	int r;

	if ((r = encode_prefix(application, flags, in)) != 0 ||
	    (r = sha256(message, in + PREFIX_LEN)) != 0)
		return r;
	return sha256((struct slice){ in, sizeof(in) }, ret_digest);
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
	    (r = bytes_append(&out, cose_until_x, sizeof(cose_until_x))) != 0 ||
	    (r = bytes_append(&out, point->x, sizeof(point->x))) != 0 ||
	    (r = bytes_append(&out, cose_until_y, sizeof(cose_until_y))) != 0 ||
	    (r = bytes_append(&out, point->y, sizeof(point->y))) != 0)
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
    uint8_t ret_digest[SHA256_LEN])
{
	uint8_t client_data[SHA256_LEN];
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
