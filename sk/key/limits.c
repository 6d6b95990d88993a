/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/cbor.h"
#include "base/error.h"
#include "key/limits.h"
#include "base/log.h"

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

/* --- checking ---------------------------------------------------------- */

static unsigned int
kind_of(const struct request *req)
{
	switch (req->kind) {
	case REQUEST_LOGIN:
		return LIMIT_LOGIN;
	case REQUEST_SSHSIG:
		return LIMIT_SIGN;
	case REQUEST_CERTIFICATE:
		return LIMIT_CA;
	case REQUEST_HOST_KEY_PROOF:
	case REQUEST_KEY_EXCHANGE:
		return LIMIT_HOST;
	case REQUEST_UNKNOWN:
		break;
	}
	return 0;
}

/* How many of a list are named in words. */
#define MOST_NAMED 3

static void
describe_logins(const struct limits *l, struct text *out)
{
	text_add(out, "logins");
	for (size_t i = 0; i < l->n_servers && i < MOST_NAMED; i++) {
		text_add(out, i == 0 ? " to the host key " : " or ");
		text_add_fingerprint(out, l->servers[i]);
	}
	if (l->n_servers > MOST_NAMED)
		text_add(out, " or others");
}

static void
describe_signatures(const struct limits *l, struct text *out)
{
	text_add(out, "signatures");
	for (size_t i = 0; i < l->n_namespaces && i < MOST_NAMED; i++) {
		text_add(out, i == 0 ? " for " : " or ");
		text_add_quoted(out, bytes_slice(&l->namespaces[i]), 32);
	}
	if (l->n_namespaces > MOST_NAMED)
		text_add(out, " or others");
}

static void
describe(const struct limits *l, struct text *out)
{
	static const struct {
		enum limit_kind kind;
		void (*describe)(const struct limits *, struct text *);
		const char *words;
	} kinds[] = {
		{ LIMIT_LOGIN, describe_logins, NULL },
		{ LIMIT_SIGN, describe_signatures, NULL },
		{ LIMIT_CA, NULL, "certificates" },
		{ LIMIT_HOST, NULL, "being a host" },
	};
	bool first = true;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if ((l->kinds & kinds[i].kind) == 0)
			continue;
		text_add(out, first ? "" : ", ");
		if (kinds[i].describe != NULL)
			kinds[i].describe(l, out);
		else
			text_add(out, "%s", kinds[i].words);
		first = false;
	}
}

static bool
allows_namespace(const struct limits *l, struct slice name)
{
	for (size_t i = 0; i < l->n_namespaces; i++)
		if (slice_equal(bytes_slice(&l->namespaces[i]), name))
			return true;
	return l->n_namespaces == 0;
}

static bool
allows_server(const struct limits *l, struct slice host_key)
{
	uint8_t digest[32];

	if (l->n_servers == 0)
		return true;
	if (host_key.len == 0 || !sshkey_fingerprint(host_key, digest))
		return false;
	for (size_t i = 0; i < l->n_servers; i++)
		if (memcmp(l->servers[i], digest, sizeof(digest)) == 0)
			return true;
	return false;
}

static bool
allows(const struct limits *l, const struct request *req)
{
	if (l->kinds == 0)
		return true;
	if ((l->kinds & kind_of(req)) == 0)
		return false;
	if (req->kind == REQUEST_SSHSIG)
		return allows_namespace(l, req->namespace);
	if (req->kind == REQUEST_LOGIN)
		return allows_server(l, req->host_key);
	return true;
}

int
limits_check(const struct limits *l, const struct request *req)
{
	struct text limits = { 0 }, asked;

	if (allows(l, req))
		return 0;
	describe(l, &limits);
	request_describe(req, &asked);
	return fail(FAIL_LIMIT, "this key is limited to %s, and this was: %s",
	    limits.s, asked.s);
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
damaged(void)
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
		return damaged();
	while (n-- > 0) {
		if (!cbor_take_text(in, &name) || name.len == 0 ||
		    name.len > LIMITS_NAMESPACE_MAX)
			return damaged();
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
		return damaged();
	while (n-- > 0) {
		if (!cbor_take_bytes(in, &digest) || digest.len != 32)
			return damaged();
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
		return damaged();
	ret->kinds = (unsigned int)kinds;
	if ((r = decode_namespaces(in, ret)) != 0 ||
	    (r = decode_servers(in, ret)) != 0)
		return r;
	/* A list without its kind would have added the kind. */
	return ret->kinds == kinds ? 0 : damaged();
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
