/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/wire.h"
#include "ssh/known-hosts.h"
#include "ssh/signdata.h"

#define SSH2_MSG_USERAUTH_REQUEST 50

/* The most that is shown of one foreign word. */
#define MOST 64

/* --- parsing ----------------------------------------------------------- */

static bool
parse_login(struct slice in, struct request *ret)
{
	struct slice session, user, service, method, alg, key, host = { 0 };
	uint8_t type, has_signature;

	if (!wire_take_string(&in, &session) || !wire_take_u8(&in, &type) ||
	    !wire_take_string(&in, &user) || !wire_take_string(&in, &service) ||
	    !wire_take_string(&in, &method) ||
	    !wire_take_u8(&in, &has_signature) ||
	    !wire_take_string(&in, &alg) || !wire_take_string(&in, &key) ||
	    session.len == 0 || type != SSH2_MSG_USERAUTH_REQUEST ||
	    has_signature != 1)
		return false;
	if (slice_is(method, "publickey-hostbound-v00@openssh.com")) {
		if (!wire_take_string(&in, &host) || host.len == 0)
			return false;
	} else if (!slice_is(method, "publickey")) {
		return false;
	}
	if (in.len != 0)
		return false;
	ret->user = user;
	ret->service = service;
	ret->host_key = host;
	return true;
}

static bool
parse_sshsig(struct slice in, struct request *ret)
{
	struct slice namespace, reserved, algorithm, hash;

	if (!slice_begins(in, "SSHSIG"))
		return false;
	in.data += strlen("SSHSIG");
	in.len -= strlen("SSHSIG");
	if (!wire_take_string(&in, &namespace) ||
	    !wire_take_string(&in, &reserved) ||
	    !wire_take_string(&in, &algorithm) ||
	    !wire_take_string(&in, &hash) || in.len != 0 || namespace.len == 0)
		return false;
	ret->namespace = namespace;
	return true;
}

static bool
parse_host_key_proof(struct slice in)
{
	struct slice name, session, key;

	return wire_take_string(&in, &name) &&
	    slice_is(name, "hostkeys-prove-00@openssh.com") &&
	    wire_take_string(&in, &session) && wire_take_string(&in, &key) &&
	    in.len == 0;
}

void
request_parse(struct slice message, struct request *ret)
{
	*ret = (struct request){ .len = message.len };
	if (parse_login(message, ret))
		ret->kind = REQUEST_LOGIN;
	else if (parse_sshsig(message, ret))
		ret->kind = REQUEST_SSHSIG;
	else if (certificate_parse(message, &ret->certificate))
		ret->kind = REQUEST_CERTIFICATE;
	else if (parse_host_key_proof(message))
		ret->kind = REQUEST_HOST_KEY_PROOF;
	else if (message.len == 20 || message.len == 32 || message.len == 48 ||
	    message.len == 64) /* a bare hash: SHA-1, or one of SHA-2 */
		ret->kind = REQUEST_KEY_EXCHANGE;
	else
		ret->unread_type = certificate_type_name(message);
}

/* --- in words ---------------------------------------------------------- */

static void
describe_server(struct slice host_key, struct text *out)
{
	char names[KNOWN_HOSTS_NAME_LEN];
	uint8_t digest[32];

	/* Not found says little, as known_hosts may have hashed its name. */
	if (known_hosts_find(host_key, names))
		text_add_quoted(out, slice_of_text(names), MOST);
	else
		text_add(out, "a server");
	if (sshkey_fingerprint(host_key, digest)) {
		text_add(out, " with host key ");
		text_add_fingerprint(out, digest);
	} else {
		text_add(out, " with a host key that cannot be read");
	}
}

static void
describe_login(const struct request *req, struct text *out)
{
	text_add(out, "Sign in ");
	if (req->host_key.len > 0) {
		text_add(out, "to ");
		describe_server(req->host_key, out);
		text_add(out, ", ");
	}
	text_add(out, "as ");
	text_add_quoted(out, req->user, MOST);
	if (req->host_key.len == 0)
		text_add(out, ", on a server that the request does not name");
	if (!slice_is(req->service, "ssh-connection")) {
		text_add(out, ", service ");
		text_add_quoted(out, req->service, MOST);
	}
}

static void
describe_sshsig(struct slice namespace, struct text *out)
{
	if (slice_is(namespace, "git")) {
		text_add(out, "Sign a git commit or tag");
	} else if (slice_is(namespace, "file")) {
		text_add(out, "Sign a file");
	} else {
		text_add(out, "Sign data for ");
		text_add_quoted(out, namespace, MOST);
	}
}

static void
add_time(struct text *out, uint64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char buf[32];

	/* After the year 9999: not a date that a person meant. */
	if (seconds > UINT64_C(253402300799) || gmtime_r(&t, &tm) == NULL ||
	    strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%MZ", &tm) == 0)
		text_add(out, "%" PRIu64 " s after 1970", seconds);
	else
		text_add(out, "%s", buf);
}

#define MOST_PRINCIPALS 4
#define MOST_OPTIONS 3	  /* as many as there are today */
#define MOST_EXTENSIONS 6 /* the same */

static void
describe_principals(struct slice in, struct text *out)
{
	struct slice name;
	unsigned int n = 0;

	if (in.len == 0)
		text_add(out,
		    " for no name (OpenSSH before 10.3 takes that for any)");
	for (; in.len > 0 && wire_take_string(&in, &name); n++) {
		if (n >= MOST_PRINCIPALS)
			continue;
		text_add(out, n == 0 ? " for " : ", ");
		text_add_quoted(out, name, MOST);
	}
	if (n > MOST_PRINCIPALS)
		text_add(out, " and %u others", n - MOST_PRINCIPALS);
}

/* These two have one string as their data; it is shown without its length. */
static struct slice
option_value(struct slice name, struct slice data)
{
	struct slice rest = data, value;

	if ((slice_is(name, "force-command") ||
		slice_is(name, "source-address")) &&
	    wire_take_string(&rest, &value) && rest.len == 0)
		return value;
	return data;
}

static void
describe_pairs(
    struct slice in, const char *before, unsigned int most, struct text *out)
{
	struct slice name, data;
	unsigned int n = 0;

	for (; in.len > 0 && wire_take_string(&in, &name) &&
	     wire_take_string(&in, &data);
	     n++) {
		if (n >= most)
			continue;
		text_add(out, "%s", n == 0 ? before : ", ");
		text_add_quoted(out, name, MOST / 2);
		if (data.len == 0)
			continue;
		text_add(out, " ");
		text_add_quoted(out, option_value(name, data), MOST);
	}
	if (n > most)
		text_add(out, " and %u others", n - most);
}

/* The extensions that ssh-keygen adds by default. */
static bool
are_usual_extensions(uint32_t type, struct slice in)
{
	static const char *const usual[] = { "permit-X11-forwarding",
		"permit-agent-forwarding", "permit-port-forwarding",
		"permit-pty", "permit-user-rc" };
	struct slice name, data;

	for (size_t i = 0;
	     type == CERTIFICATE_USER && i < sizeof(usual) / sizeof(usual[0]);
	     i++)
		if (!wire_take_string(&in, &name) ||
		    !wire_take_string(&in, &data) ||
		    !slice_is(name, usual[i]) || data.len != 0)
			return false;
	return in.len == 0;
}

/* The most important words first, as the end may be cut. */
static void
describe_certificate(const struct certificate *c, struct text *out)
{
	uint8_t digest[32];

	text_add(out, "Issue a %s certificate",
	    c->type == CERTIFICATE_USER ? "user" : "host");
	if (certificate_fingerprint(c, digest)) {
		text_add(out, " to the key ");
		text_add_fingerprint(out, digest);
	} else {
		text_add(out, " to a key without a fingerprint");
	}
	describe_principals(c->principals, out);
	text_add(out, ", valid ");
	if (c->valid_before == CERTIFICATE_FOREVER) {
		text_add(out, "without end");
	} else {
		text_add(out, "until ");
		add_time(out, c->valid_before);
	}
	if (c->valid_after != 0) {
		text_add(out, " from ");
		add_time(out, c->valid_after);
	}
	describe_pairs(
	    c->critical, ", with the critical options ", MOST_OPTIONS, out);
	if (c->type == CERTIFICATE_USER && c->extensions.len == 0)
		text_add(out, ", without extensions");
	else if (!are_usual_extensions(c->type, c->extensions))
		describe_pairs(c->extensions, ", with the extensions ",
		    MOST_EXTENSIONS, out);
	text_add(out, ", id ");
	text_add_quoted(out, c->key_id, MOST);
	text_add(out, ", serial number %" PRIu64, c->serial);
	if (!c->known) {
		text_add(out, ", of the unknown type ");
		text_add_quoted(out, c->type_name, MOST);
	}
}

const struct text *
request_describe(struct request *req)
{
	struct text *out = &req->words;

	if (out->len > 0)
		return out;
	switch (req->kind) {
	case REQUEST_LOGIN:
		describe_login(req, out);
		break;
	case REQUEST_SSHSIG:
		describe_sshsig(req->namespace, out);
		break;
	case REQUEST_CERTIFICATE:
		describe_certificate(&req->certificate, out);
		break;
	case REQUEST_HOST_KEY_PROOF:
		text_add(out, "Prove to a client that this host has this key");
		break;
	case REQUEST_KEY_EXCHANGE:
		text_add(out,
		    "Sign a bare hash of %zu bytes, as a server does to "
		    "identify itself",
		    req->len);
		break;
	case REQUEST_UNKNOWN:
		text_add(out, "Sign %zu bytes of an unknown kind", req->len);
		if (req->unread_type.len > 0) {
			text_add(
			    out, ", which begin as a certificate of type ");
			text_add_quoted(out, req->unread_type, MOST);
			text_add(out, " but cannot be read as one");
		}
		break;
	}
	return out;
}
