/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <string.h>

#include "base/sha256.h"
#include "base/wire.h"
#include "ssh/sshkey.h"

#define OUR_FIELDS 3

/* How many strings make up a key of the type, after the type's name. */
static const struct key_type {
	const char *plain;
	const char *cert;
	unsigned int fields;
} key_types[] = {
	{ "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", 1 },
	{ "ssh-rsa", "ssh-rsa-cert-v01@openssh.com", 2 },
	{ "ssh-dss", "ssh-dss-cert-v01@openssh.com", 4 },
	{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com",
	    2 },
	{ "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384-cert-v01@openssh.com",
	    2 },
	{ "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521-cert-v01@openssh.com",
	    2 },
	{ "sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com",
	    2 },
	{ SSHKEY_OUR_TYPE, "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
	    OUR_FIELDS },
	/* OpenSSH 10.6, and 10.4 and 10.5 */
	{ "ssh-mldsa44-ed25519", "ssh-mldsa44-ed25519-cert", 1 },
	{ "ssh-mldsa44-ed25519@openssh.com",
	    "ssh-mldsa44-ed25519-cert-v01@openssh.com", 1 },
};

#define N_KEY_TYPES (sizeof(key_types) / sizeof(key_types[0]))

/* The most of an unknown type; no known type has more than 4. */
#define MOST_FIELDS 8

/* RFC 4251, section 6: the longest name of a type. */
#define NAME_MAX_LEN 64

/* --- names of types ---------------------------------------------------- */

/*
 * A certificate's type is that of its key with "-cert" or "-cert-v01" in it, at
 * the end or before "@". Without that, it is the key's type. OpenSSH's own
 * types and those without a domain follow this rule; the table has the others.
 */
static bool
split_certificate_name(struct slice name, struct slice ret[2])
{
	size_t local = 0, end;

	if (name.len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] > '~' ||
		    name.data[i] == ',')
			return false;
	while (local < name.len && name.data[local] != '@')
		local++;
	end = local;
	while (
	    end > 0 && name.data[end - 1] >= '0' && name.data[end - 1] <= '9')
		end--;
	if (end < local && end >= 2 &&
	    memcmp(name.data + end - 2, "-v", 2) == 0)
		end -= 2;
	else
		end = local;
	if (end <= strlen("-cert") ||
	    memcmp(name.data + end - strlen("-cert"), "-cert",
		strlen("-cert")) != 0)
		return false;
	ret[0] = (struct slice){ name.data, end - strlen("-cert") };
	ret[1] = (struct slice){ name.data + local, name.len - local };
	return true;
}

struct slice
certificate_type_name(struct slice in)
{
	struct slice name, ignored[2];

	if (!wire_take_string(&in, &name) ||
	    !split_certificate_name(name, ignored))
		return (struct slice){ 0 };
	return name;
}

/* --- certificates ------------------------------------------------------ */

static bool
skip_strings(struct slice *in, unsigned int n)
{
	struct slice ignored;

	while (n-- > 0)
		if (!wire_take_string(in, &ignored))
			return false;
	return true;
}

/* True for a sequence of groups of this many strings. */
static bool
is_sequence(struct slice in, unsigned int strings)
{
	while (in.len > 0)
		if (!skip_strings(&in, strings))
			return false;
	return true;
}

static bool
is_plain_key(struct slice blob)
{
	struct slice name, ignored[2];

	return wire_take_string(&blob, &name) && name.len > 0 &&
	    !split_certificate_name(name, ignored);
}

static bool
is_key_like_ours(struct slice blob)
{
	struct slice name;

	return wire_take_string(&blob, &name) &&
	    slice_is(name, SSHKEY_OUR_TYPE) &&
	    skip_strings(&blob, OUR_FIELDS) && blob.len == 0;
}

/* How a certificate ends: behind the CA's key, or behind its signature. */
enum ending {
	ENDS_UNSIGNED,
	ENDS_SIGNED
};

/*
 * Reads a certificate from its key's fields on, if the key has n_fields.
 * Nothing is refused here that sshd or ssh would accept.
 */
static bool
read_with(struct slice in, unsigned int n_fields, enum ending ending,
    struct certificate *c)
{
	struct slice start = in, reserved, signature;

	if (!skip_strings(&in, n_fields))
		return false;
	c->fields = (struct slice){ start.data, start.len - in.len };
	return wire_take_u64(&in, &c->serial) && wire_take_u32(&in, &c->type) &&
	    (c->type == CERTIFICATE_USER || c->type == CERTIFICATE_HOST) &&
	    wire_take_string(&in, &c->key_id) &&
	    wire_take_string(&in, &c->principals) &&
	    is_sequence(c->principals, 1) &&
	    wire_take_u64(&in, &c->valid_after) &&
	    wire_take_u64(&in, &c->valid_before) &&
	    wire_take_string(&in, &c->critical) &&
	    is_sequence(c->critical, 2) &&
	    wire_take_string(&in, &c->extensions) &&
	    is_sequence(c->extensions, 2) && wire_take_string(&in, &reserved) &&
	    wire_take_string(&in, &c->ca) &&
	    (ending == ENDS_SIGNED
		    ? is_plain_key(c->ca) && wire_take_string(&in, &signature)
		    : is_key_like_ours(c->ca)) &&
	    in.len == 0;
}

/*
 * A key of an unknown type has the number of fields with which the rest reads
 * as a certificate to the last byte. Software that knows the type reads it with
 * the right number, so that one fits. Where another fits as well, somebody made
 * the certificate ambiguous, and it is refused.
 */
static bool
read_certificate(struct slice in, enum ending ending, struct certificate *ret)
{
	struct certificate c = { 0 }, tried, found;
	unsigned int fit = 0;
	struct slice nonce;

	if (!wire_take_string(&in, &c.type_name) ||
	    !split_certificate_name(c.type_name, c.plain_name) ||
	    !wire_take_string(&in, &nonce))
		return false;
	for (size_t i = 0; i < N_KEY_TYPES; i++) {
		const char *plain = key_types[i].plain;

		if (!slice_is(c.type_name, key_types[i].cert))
			continue;
		c.known = true;
		c.plain_name[0] = slice_of_text(plain);
		c.plain_name[1] = (struct slice){ 0 };
		if (!read_with(in, key_types[i].fields, ending, &c))
			return false;
		*ret = c;
		return true;
	}
	for (unsigned int n = 1; n <= MOST_FIELDS; n++) {
		tried = c;
		if (read_with(in, n, ending, &tried)) {
			found = tried;
			fit++;
		}
	}
	if (fit != 1)
		return false;
	*ret = found;
	return true;
}

bool
certificate_parse(struct slice tbs, struct certificate *ret)
{
	return read_certificate(tbs, ENDS_UNSIGNED, ret);
}

bool
certificate_parse_signed(struct slice blob, struct certificate *ret)
{
	return read_certificate(blob, ENDS_SIGNED, ret);
}

/* --- fingerprints ------------------------------------------------------ */

bool
certificate_fingerprint(const struct certificate *c, uint8_t ret[32])
{
	const struct slice *name = c->plain_name;
	/* No name is longer than a byte can tell. */
	uint8_t len[4] = { 0, 0, 0, (uint8_t)(name[0].len + name[1].len) };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(ctx, len, sizeof(len)) == 1 &&
	    EVP_DigestUpdate(ctx, name[0].data, name[0].len) == 1 &&
	    EVP_DigestUpdate(ctx, name[1].data, name[1].len) == 1 &&
	    EVP_DigestUpdate(ctx, c->fields.data, c->fields.len) == 1 &&
	    EVP_DigestFinal_ex(ctx, ret, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

bool
sshkey_fingerprint(struct slice blob, uint8_t ret[32])
{
	struct certificate c;

	if (certificate_parse_signed(blob, &c))
		return certificate_fingerprint(&c, ret);
	return is_plain_key(blob) && sha256(blob, ret) == 0;
}

int
sshkey_put_ours(
    struct bytes *out, const struct ec_point *point, const char *application)
{
	uint8_t encoded[P256_POINT_LEN];
	int r;

	p256_encode_point(point, encoded);
	if ((r = wire_put_text(out, SSHKEY_OUR_TYPE)) != 0 ||
	    (r = wire_put_text(out, "nistp256")) != 0 ||
	    (r = wire_put_string(
		 out, (struct slice){ encoded, sizeof(encoded) })) != 0)
		return r;
	return wire_put_text(out, application);
}

const char *
certificate_type_word(enum certificate_type type)
{
	return type == CERTIFICATE_HOST ? "host" : "user";
}

bool
certificate_type_parse(const char *word, enum certificate_type *ret)
{
	*ret = strcmp(word, "host") == 0 ? CERTIFICATE_HOST : CERTIFICATE_USER;
	return strcmp(word, certificate_type_word(*ret)) == 0;
}
