/* SPDX-License-Identifier: ISC */
#include "base/error.h"
#include "base/log.h"
#include "base/wire.h"
#include "fallback/helper-message.h"
#include "ssh/sshkey.h"

#define HELPER_VERSION 5

enum {
	HELPER_REFUSAL = 0,
	HELPER_SIGN = 1,
	HELPER_ENROLL = 2
};

/* OpenSSH's LogLevel, as a number: log.h. */
enum {
	HELPER_LOG_FATAL = 1,
	HELPER_LOG_DEBUG = 5
};

#define ED25519_SK "sk-ssh-ed25519@openssh.com"
#define ATTESTATION "ssh-sk-attest-v01"

/*
 * sk_sign is not told the public key, and the helper only looks whether it is
 * well formed. Any point does: the generator of P-256 (SEC 2, 2.4.2).
 */
static const struct ec_point some_point = {
	.x = { 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6,
	    0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb,
	    0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96 },
	.y = { 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb,
	    0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31,
	    0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5 },
};
static const uint8_t some_ed25519[32];

/* --- requests ---------------------------------------------------------- */

/* Puts length and version before the body, which is freed. */
static int
finish_request(struct bytes *body, struct bytes *ret)
{
	struct bytes request = { 0 };
	int r;

	if ((r = wire_put_u32(&request, (uint32_t)body->len + 1)) == 0 &&
	    (r = wire_put_u8(&request, HELPER_VERSION)) == 0 &&
	    (r = bytes_append(&request, body->data, body->len)) == 0)
		bytes_move(&request, ret);
	bytes_reset(&request);
	bytes_reset(body);
	return r;
}

static int
begin_request(uint32_t type, bool verbose, struct bytes *body)
{
	int r;

	if ((r = wire_put_u32(body, type)) != 0 ||
	    (r = wire_put_u8(body, 1)) != 0)
		return r;
	return wire_put_u32(
	    body, verbose ? HELPER_LOG_DEBUG : HELPER_LOG_FATAL);
}

static int
put_public_key(const struct helper_sign_request *req, struct bytes *key)
{
	const struct slice public = { some_ed25519, sizeof(some_ed25519) };
	int r;

	if (req->algorithm == HELPER_ECDSA)
		return sshkey_put_ours(key, &some_point, req->application);
	if ((r = wire_put_text(key, ED25519_SK)) != 0 ||
	    (r = wire_put_string(key, public)) != 0)
		return r;
	return wire_put_text(key, req->application);
}

int
helper_encode_sign(
    const struct helper_sign_request *req, struct bytes *ret_request)
{
	struct bytes body = { 0 }, key = { 0 };
	int r;

	if ((r = put_public_key(req, &key)) == 0 &&
	    (r = wire_put_u8(&key, req->flags)) == 0 &&
	    (r = wire_put_string(&key, req->key_handle)) == 0 &&
	    (r = wire_put_text(&key, NULL)) == 0 &&
	    (r = begin_request(HELPER_SIGN, req->verbose, &body)) == 0 &&
	    (r = wire_put_string(&body, bytes_slice(&key))) == 0 &&
	    (r = wire_put_text(&body, req->provider)) == 0 &&
	    (r = wire_put_string(&body, req->message)) == 0 &&
	    (r = wire_put_text(&body, NULL)) == 0 &&
	    (r = wire_put_u32(&body, 0)) == 0 &&
	    (r = wire_put_text(&body, req->pin)) == 0)
		r = finish_request(&body, ret_request);
	bytes_reset(&key);
	bytes_reset(&body);
	return r;
}

int
helper_encode_enroll(const struct helper_enroll_request *req, uint32_t key_type,
    struct bytes *ret_request)
{
	struct bytes body = { 0 };
	int r;

	if ((r = begin_request(HELPER_ENROLL, req->verbose, &body)) == 0 &&
	    (r = wire_put_u32(&body, key_type)) == 0 &&
	    (r = wire_put_text(&body, req->provider)) == 0 &&
	    (r = wire_put_text(&body, req->device)) == 0 &&
	    (r = wire_put_text(&body, req->application)) == 0 &&
	    (r = wire_put_text(&body, req->user)) == 0 &&
	    (r = wire_put_u8(&body, req->flags)) == 0 &&
	    (r = wire_put_text(&body, req->pin)) == 0 &&
	    (r = wire_put_string(&body, req->challenge)) == 0)
		r = finish_request(&body, ret_request);
	bytes_reset(&body);
	return r;
}

/* --- answers ----------------------------------------------------------- */

static int
malformed(void)
{
	return fail(FAIL_FALLBACK, "ssh-sk-helper's answer cannot be read");
}

/* ssherr.h: numbers that OpenSSH never changes, only adds to. */
static int
refusal(uint32_t err)
{
	switch (err) {
	case 4: /* SSH_ERR_INVALID_FORMAT, for SSH_SK_ERR_GENERAL */
		return fail(FAIL_NO_REASON,
		    "the fallback provider failed (OpenSSH's error -%u)", err);
	case 10: /* SSH_ERR_INVALID_ARGUMENT */
		return fail(FAIL_ARGUMENT, "ssh-sk-helper refused the request");
	case 43: /* SSH_ERR_KEY_WRONG_PASSPHRASE */
		return fail(FAIL_PIN_REQUIRED, "this key needs its PIN");
	case 44: /* SSH_ERR_KEY_BAD_PERMISSIONS */
		return fail(
		    FAIL_EXISTS, "there is such a resident key already");
	case 59: /* SSH_ERR_FEATURE_UNSUPPORTED */
		return fail(FAIL_UNSUPPORTED,
		    "the fallback provider cannot do what is asked for");
	case 60: /* SSH_ERR_DEVICE_NOT_FOUND */
		return fail(FAIL_NO_TOKEN, "no token was found");
	default:
		return fail(FAIL_FALLBACK,
		    "the fallback provider failed (OpenSSH's error -%u)", err);
	}
}

static int
begin_answer(struct slice *answer, uint32_t type)
{
	uint32_t answered, err;
	uint8_t version;

	if (!wire_take_u8(answer, &version) || version != HELPER_VERSION ||
	    !wire_take_u32(answer, &answered))
		return malformed();
	if (answered == HELPER_REFUSAL && wire_take_u32(answer, &err) &&
	    answer->len == 0)
		return refusal(err);
	return answered == type ? 0 : malformed();
}

/* A positive number below 2^256, without the zero byte before a high bit. */
static bool
take_mpint(struct slice *in, struct slice *ret)
{
	if (!wire_take_string(in, ret) || ret->len == 0 ||
	    (ret->data[0] & 0x80) != 0)
		return false;
	if (ret->data[0] == 0) {
		ret->data++;
		ret->len--;
	}
	return ret->len > 0 && ret->len <= 32;
}

/* The signature alone, in one number or two. */
static bool
take_numbers(struct slice in, enum helper_algorithm algorithm,
    struct slice *ret_r, struct slice *ret_s)
{
	if (algorithm == HELPER_ED25519) {
		*ret_r = in;
		*ret_s = (struct slice){ 0 };
		return in.len == 64;
	}
	return take_mpint(&in, ret_r) && take_mpint(&in, ret_s) && in.len == 0;
}

int
helper_decode_signature(struct slice answer, enum helper_algorithm algorithm,
    struct helper_signature *ret)
{
	const char *name =
	    algorithm == HELPER_ED25519 ? ED25519_SK : SSHKEY_OUR_TYPE;
	struct helper_signature sig = { 0 };
	struct slice blob, type, numbers, first, second;
	int r;

	if ((r = begin_answer(&answer, HELPER_SIGN)) != 0)
		return r;
	if (!wire_take_string(&answer, &blob) || answer.len != 0 ||
	    !wire_take_string(&blob, &type) || !slice_is(type, name) ||
	    !wire_take_string(&blob, &numbers) ||
	    !take_numbers(numbers, algorithm, &first, &second) ||
	    !wire_take_u8(&blob, &sig.flags) ||
	    !wire_take_u32(&blob, &sig.counter) || blob.len != 0)
		return malformed();
	if ((r = bytes_set(&sig.r, first.data, first.len)) == 0 &&
	    (r = bytes_set(&sig.s, second.data, second.len)) == 0) {
		*ret = sig;
		return 0;
	}
	helper_signature_reset(&sig);
	return r;
}

static bool
take_new_key(struct slice *in, struct slice *ret_public, uint8_t *ret_flags,
    struct slice *ret_handle)
{
	struct slice key, type, application, reserved;

	return wire_take_string(in, &key) && wire_take_string(&key, &type) &&
	    slice_is(type, ED25519_SK) && wire_take_string(&key, ret_public) &&
	    ret_public->len == 32 && wire_take_string(&key, &application) &&
	    wire_take_u8(&key, ret_flags) &&
	    wire_take_string(&key, ret_handle) &&
	    wire_take_string(&key, &reserved) && key.len == 0;
}

static bool
take_attestation(struct slice *in, struct slice *ret_certificate,
    struct slice *ret_signature, struct slice *ret_authdata)
{
	struct slice blob, magic, reserved;
	uint32_t flags;

	return wire_take_string(in, &blob) && wire_take_string(&blob, &magic) &&
	    slice_is(magic, ATTESTATION) &&
	    wire_take_string(&blob, ret_certificate) &&
	    wire_take_string(&blob, ret_signature) &&
	    wire_take_string(&blob, ret_authdata) &&
	    wire_take_u32(&blob, &flags) && wire_take_string(&blob, &reserved);
}

int
helper_decode_key(struct slice answer, struct helper_key *ret)
{
	struct slice public_key, key_handle, certificate, signature, authdata;
	struct helper_key key = { 0 };
	int r;

	if ((r = begin_answer(&answer, HELPER_ENROLL)) != 0)
		return r;
	if (!take_new_key(&answer, &public_key, &key.flags, &key_handle) ||
	    !take_attestation(&answer, &certificate, &signature, &authdata) ||
	    answer.len != 0)
		return malformed();
	if ((r = bytes_set(&key.public_key, public_key.data, public_key.len)) ==
		0 &&
	    (r = bytes_set(&key.key_handle, key_handle.data, key_handle.len)) ==
		0 &&
	    (r = bytes_set(
		 &key.certificate, certificate.data, certificate.len)) == 0 &&
	    (r = bytes_set(&key.signature, signature.data, signature.len)) ==
		0 &&
	    (r = bytes_set(&key.authdata, authdata.data, authdata.len)) == 0) {
		*ret = key;
		return 0;
	}
	helper_key_reset(&key);
	return r;
}

void
helper_signature_reset(struct helper_signature *sig)
{
	bytes_reset(&sig->r);
	bytes_reset(&sig->s);
}

void
helper_key_reset(struct helper_key *key)
{
	bytes_reset(&key->public_key);
	bytes_reset(&key->key_handle);
	bytes_reset(&key->certificate);
	bytes_reset(&key->signature);
	bytes_reset(&key->authdata);
}
