/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/cbor.h"
#include "base/error.h"
#include "base/log.h"
#include "base/utf8.h"
#include "key/limits.h"

const struct limit_name limit_names[LIMIT_KINDS] = {
	{ LIMIT_LOGIN, "login", "logins" },
	{ LIMIT_SIGN, "sign", "signatures" },
	{ LIMIT_CA, "ca", "certificates" },
	{ LIMIT_HOST, "host", "being a host" },
};

/* --- allowing ---------------------------------------------------------- */

void
limits_allow_kind(struct limits *l, enum limit_kind kind)
{
	l->kinds |= kind;
}

int
limits_allow_namespace(struct limits *l, struct slice name)
{
	int r;

	if (name.len == 0 || name.len > LIMITS_NAMESPACE_MAX)
		return fail(FAIL_ARGUMENT,
		    "a namespace has 1 to %d bytes, not %zu",
		    LIMITS_NAMESPACE_MAX, name.len);
	if (!utf8_is_valid(name))
		return fail(FAIL_ARGUMENT,
		    "a namespace has to be UTF-8, and this one is not");
	if (l->n_namespaces == LIMITS_MAX)
		return fail(
		    FAIL_ARGUMENT, "%d namespaces are the most", LIMITS_MAX);
	r = bytes_set(&l->namespaces[l->n_namespaces], name.data, name.len);
	if (r != 0)
		return r;
	l->n_namespaces++;
	l->kinds |= LIMIT_SIGN;
	return 0;
}

int
limits_allow_server(struct limits *l, const uint8_t fingerprint[32])
{
	if (l->n_servers == LIMITS_MAX)
		return fail(
		    FAIL_ARGUMENT, "%d servers are the most", LIMITS_MAX);
	memcpy(l->servers[l->n_servers++], fingerprint, 32);
	l->kinds |= LIMIT_LOGIN;
	return 0;
}

/* --- encoding ---------------------------------------------------------- */

int
limits_encode(const struct limits *l, struct bytes *out)
{
	int r;

	if ((r = cbor_put_array(out, 3)) != 0 ||
	    (r = cbor_put_uint(out, l->kinds)) != 0 ||
	    (r = cbor_put_array(out, l->n_namespaces)) != 0)
		return r;
	for (size_t i = 0; i < l->n_namespaces; i++)
		if ((r = cbor_put_text(out, bytes_slice(&l->namespaces[i]))) !=
		    0)
			return r;
	if ((r = cbor_put_array(out, l->n_servers)) != 0)
		return r;
	for (size_t i = 0; i < l->n_servers; i++)
		if ((r = cbor_put_bytes(
			 out, (struct slice){ l->servers[i], 32 })) != 0)
			return r;
	return 0;
}

static int
fail_damaged_limits(void)
{
	return fail(FAIL_HANDLE, "the key handle is damaged (limits)");
}

static int
decode_namespaces(struct slice *in, struct limits *ret)
{
	struct slice name;
	uint64_t n;
	int r;

	if (!cbor_take_array(in, &n) || n > LIMITS_MAX)
		return fail_damaged_limits();
	while (n-- > 0) {
		if (!cbor_take_text(in, &name) || name.len == 0 ||
		    name.len > LIMITS_NAMESPACE_MAX || !utf8_is_valid(name))
			return fail_damaged_limits();
		if ((r = limits_allow_namespace(ret, name)) != 0)
			return r;
	}
	return 0;
}

static int
decode_servers(struct slice *in, struct limits *ret)
{
	struct slice digest;
	uint64_t n;
	int r;

	if (!cbor_take_array(in, &n) || n > LIMITS_MAX)
		return fail_damaged_limits();
	while (n-- > 0) {
		if (!cbor_take_bytes(in, &digest) || digest.len != 32)
			return fail_damaged_limits();
		if ((r = limits_allow_server(ret, digest.data)) != 0)
			return r;
	}
	return 0;
}

int
limits_decode(struct slice *in, struct limits *ret)
{
	uint64_t items, kinds;
	int r;

	*ret = (struct limits){ 0 };
	if (!cbor_take_array(in, &items) || items != 3 ||
	    !cbor_take_uint(in, &kinds) || kinds > LIMIT_ALL)
		return fail_damaged_limits();
	ret->kinds = (unsigned int)kinds;
	if ((r = decode_namespaces(in, ret)) != 0 ||
	    (r = decode_servers(in, ret)) != 0)
		return r;
	/* A list without its kind would have added the kind. */
	return ret->kinds == kinds ? 0 : fail_damaged_limits();
}

int
limits_copy(const struct limits *l, struct limits *ret)
{
	struct limits copy = { 0 };
	int r = 0;

	if (l != NULL) {
		copy = *l;
		copy.n_namespaces = 0;
		memset(copy.namespaces, 0, sizeof(copy.namespaces));
		for (size_t i = 0; i < l->n_namespaces && r == 0; i++)
			r = limits_allow_namespace(
			    &copy, bytes_slice(&l->namespaces[i]));
	}
	if (r == 0)
		*ret = copy;
	else
		limits_reset(&copy);
	return r;
}

void
limits_reset(struct limits *l)
{
	for (size_t i = 0; i < l->n_namespaces; i++)
		bytes_reset(&l->namespaces[i]);
	*l = (struct limits){ 0 };
}
