/* SPDX-License-Identifier: ISC */
/* Certificates put together by hand, of types that nobody has invented yet. */
#ifndef SKTPM_INVENTED_H
#define SKTPM_INVENTED_H

#include "base/wire.h"
#include "ssh/sshkey.h"

struct invented {
	const char *type_name;
	unsigned int fields;
	const char *field; /* each one; NULL: "pk" */
	uint64_t serial;
	uint32_t type; /* 0: user */
	struct slice key_id, principals, critical, extensions;
	uint64_t valid_after, valid_before; /* 0: without end */
	const char *ca_type;		    /* NULL: ours */
	bool is_signed;
};

static inline void
put_text(struct bytes *b, const char *text)
{
	assert_int_equal(wire_put_text(b, text), 0);
}

static inline void
put_u64(struct bytes *b, uint64_t value)
{
	assert_int_equal(wire_put_u32(b, (uint32_t)(value >> 32)), 0);
	assert_int_equal(wire_put_u32(b, (uint32_t)value), 0);
}

static inline void
put_slice(struct bytes *b, struct slice s)
{
	assert_int_equal(wire_put_string(b, s), 0);
}

static inline struct slice
slice_of(const char *text)
{
	return (struct slice){ (const uint8_t *)text, strlen(text) };
}

static inline struct bytes
invent(const struct invented *i)
{
	struct bytes b = { 0 }, ca = { 0 };

	put_text(&b, i->type_name);
	put_text(&b, "nonce");
	for (unsigned int n = 0; n < i->fields; n++)
		put_text(&b, i->field != NULL ? i->field : "pk");
	put_u64(&b, i->serial);
	assert_int_equal(
	    wire_put_u32(&b, i->type != 0 ? i->type : CERTIFICATE_USER), 0);
	put_slice(&b, i->key_id);
	put_slice(&b, i->principals);
	put_u64(&b, i->valid_after);
	put_u64(
	    &b, i->valid_before != 0 ? i->valid_before : CERTIFICATE_FOREVER);
	put_slice(&b, i->critical);
	put_slice(&b, i->extensions);
	put_text(&b, "");
	put_text(&ca,
	    i->ca_type != NULL ? i->ca_type
			       : "sk-ecdsa-sha2-nistp256@openssh.com");
	put_text(&ca, "nistp256");
	put_text(&ca, "point");
	put_text(&ca, "ssh:");
	put_slice(&b, bytes_slice(&ca));
	if (i->is_signed)
		put_text(&b, "signature");
	bytes_reset(&ca);
	return b;
}

#endif
