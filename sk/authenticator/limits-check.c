/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "authenticator/limits-check.h"
#include "base/error.h"
#include "base/log.h"

static bool
allows_namespace(const struct limits *l, struct slice name)
{
	for (size_t i = 0; i < l->n_namespaces; i++)
		if (slice_equal(bytes_slice(&l->namespaces[i]), name))
			return true;
	return l->n_namespaces == 0;
}

/* A login that does not name its server is to none that is allowed. */
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
	switch (req->kind) {
	case REQUEST_LOGIN:
		return (l->kinds & LIMIT_LOGIN) != 0 &&
		    allows_server(l, req->host_key);
	case REQUEST_SSHSIG:
		return (l->kinds & LIMIT_SIGN) != 0 &&
		    allows_namespace(l, req->namespace);
	case REQUEST_CERTIFICATE:
		return (l->kinds & LIMIT_CA) != 0;
	case REQUEST_HOST_KEY_PROOF:
	case REQUEST_KEY_EXCHANGE:
		return (l->kinds & LIMIT_HOST) != 0;
	case REQUEST_UNKNOWN:
		break;
	}
	return false;
}

/* How many servers, and namespaces, the message names. */
#define MOST_NAMED 3

static void
add_servers(struct text *out, const struct limits *l)
{
	for (size_t i = 0; i < l->n_servers && i < MOST_NAMED; i++) {
		text_add(out, i == 0 ? " to the host key " : " or ");
		text_add_fingerprint(out, l->servers[i]);
	}
	if (l->n_servers > MOST_NAMED)
		text_add(out, " or others");
}

static void
add_namespaces(struct text *out, const struct limits *l)
{
	for (size_t i = 0; i < l->n_namespaces && i < MOST_NAMED; i++) {
		text_add(out, i == 0 ? " for " : " or ");
		text_add_quoted(out, bytes_slice(&l->namespaces[i]), 32);
	}
	if (l->n_namespaces > MOST_NAMED)
		text_add(out, " or others");
}

static void
add_limits(struct text *out, const struct limits *l)
{
	bool first = true;

	for (size_t i = 0; i < LIMIT_KINDS; i++) {
		if ((l->kinds & limit_names[i].kind) == 0)
			continue;
		text_add(out, "%s%s", first ? "" : ", ", limit_names[i].phrase);
		if (limit_names[i].kind == LIMIT_LOGIN)
			add_servers(out, l);
		if (limit_names[i].kind == LIMIT_SIGN)
			add_namespaces(out, l);
		first = false;
	}
}

int
limits_check(const struct limits *l, struct request *req)
{
	struct text limits = { 0 };

	if (allows(l, req))
		return 0;
	add_limits(&limits, l);
	return fail(FAIL_LIMIT, "this key is limited to %s, and this was: %s",
	    limits.s, request_describe(req)->s);
}
