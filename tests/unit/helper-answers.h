/* SPDX-License-Identifier: ISC */
/* Answers of ssh-sk-helper, as helper-message.h describes them. */
#ifndef HELPER_ANSWERS_H
#define HELPER_ANSWERS_H

#include "unit.h"

#include "base/wire.h"

#define SLICE(text) \
	((struct slice){ (const uint8_t *)(text), sizeof(text) - 1 })

#define ECDSA_SK "sk-ecdsa-sha2-nistp256@openssh.com"
#define ED25519_SK "sk-ssh-ed25519@openssh.com"

static inline void
put(struct bytes *b, struct slice s)
{
	assert_int_equal(wire_put_string(b, s), 0);
}

/* Version, type and one string: a whole answer. */
static inline void
make_answer(uint32_t type, const struct bytes *blob, struct bytes *ret)
{
	assert_int_equal(wire_put_u8(ret, 5), 0);
	assert_int_equal(wire_put_u32(ret, type), 0);
	put(ret, bytes_slice(blob));
}

static inline void
make_signature(const char *type, struct slice inner, struct bytes *ret)
{
	struct bytes blob = { 0 };

	assert_int_equal(wire_put_text(&blob, type), 0);
	put(&blob, inner);
	assert_int_equal(wire_put_u8(&blob, 1), 0);
	assert_int_equal(wire_put_u32(&blob, 7), 0);
	make_answer(1, &blob, ret);
	bytes_reset(&blob);
}

/* An ed25519-sk key and its attestation. */
static inline void
make_key(struct bytes *ret)
{
	struct bytes key = { 0 }, attestation = { 0 };
	uint8_t public_key[32] = { 9 };

	put(&key, SLICE(ED25519_SK));
	put(&key, (struct slice){ public_key, 32 });
	put(&key, SLICE("ssh:"));
	assert_int_equal(wire_put_u8(&key, 4), 0);
	put(&key, SLICE("handle"));
	put(&key, SLICE(""));
	make_answer(2, &key, ret);
	put(&attestation, SLICE("ssh-sk-attest-v01"));
	put(&attestation, SLICE("certificate"));
	put(&attestation, SLICE("signature"));
	put(&attestation, SLICE("authdata"));
	assert_int_equal(wire_put_u32(&attestation, 0), 0);
	put(&attestation, SLICE(""));
	put(ret, bytes_slice(&attestation));
	bytes_reset(&key);
	bytes_reset(&attestation);
}

static inline void
make_refusal(uint32_t err, struct bytes *ret)
{
	assert_int_equal(wire_put_u8(ret, 5), 0);
	assert_int_equal(wire_put_u32(ret, 0), 0);
	assert_int_equal(wire_put_u32(ret, err), 0);
}

#endif
