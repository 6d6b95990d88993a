/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <string.h>

#include "sshkey.h"
#include "wire.h"

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
	{ "sk-ecdsa-sha2-nistp256@openssh.com",
	    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", 3 },
};

#define N_KEY_TYPES (sizeof(key_types) / sizeof(key_types[0]))

static bool
skip_strings(struct slice *in, unsigned int n)
{
	struct slice ignored;

	while (n-- > 0)
		if (!wire_take_string(in, &ignored))
			return false;
	return true;
}

/*
 * Takes type, nonce and key off a certificate; *ret_key is what follows the
 * type's name in a blob of the plain key.
 */
static const struct key_type *
take_certified_key(struct slice *in, struct slice *ret_key)
{
	struct slice name, nonce, start;

	if (!wire_take_string(in, &name) || !wire_take_string(in, &nonce))
		return NULL;
	for (size_t i = 0; i < N_KEY_TYPES; i++) {
		if (!slice_is(name, key_types[i].cert))
			continue;
		start = *in;
		if (!skip_strings(in, key_types[i].fields))
			return NULL;
		*ret_key = (struct slice){ start.data, start.len - in->len };
		return &key_types[i];
	}
	return NULL;
}

bool
certificate_parse(struct slice tbs, struct certificate *ret)
{
	struct certificate c;
	struct slice key;

	/* Options, extensions, reserved and the CA's key: four strings. */
	if (take_certified_key(&tbs, &key) == NULL ||
	    !wire_take_u64(&tbs, &c.serial) || !wire_take_u32(&tbs, &c.type) ||
	    !wire_take_string(&tbs, &c.key_id) ||
	    !wire_take_string(&tbs, &c.principals) ||
	    !wire_take_u64(&tbs, &c.valid_after) ||
	    !wire_take_u64(&tbs, &c.valid_before) || !skip_strings(&tbs, 4) ||
	    tbs.len != 0)
		return false;
	*ret = c;
	return true;
}

static bool
is_plain_key(struct slice blob)
{
	struct slice name;

	if (!wire_take_string(&blob, &name))
		return false;
	for (size_t i = 0; i < N_KEY_TYPES; i++)
		if (slice_is(name, key_types[i].plain))
			return skip_strings(&blob, key_types[i].fields) &&
			    blob.len == 0;
	return false;
}

/* Hashes the certified key as a plain blob: its own name, then its fields. */
static bool
certified_fingerprint(struct slice blob, uint8_t ret[32])
{
	const struct key_type *type;
	EVP_MD_CTX *ctx;
	struct slice key;
	uint8_t len[4] = { 0 };
	bool ok;

	if ((type = take_certified_key(&blob, &key)) == NULL ||
	    (ctx = EVP_MD_CTX_new()) == NULL)
		return false;
	len[3] = (uint8_t)strlen(type->plain);
	ok = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(ctx, len, sizeof(len)) == 1 &&
	    EVP_DigestUpdate(ctx, type->plain, strlen(type->plain)) == 1 &&
	    EVP_DigestUpdate(ctx, key.data, key.len) == 1 &&
	    EVP_DigestFinal_ex(ctx, ret, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

bool
sshkey_fingerprint(struct slice blob, uint8_t ret[32])
{
	if (!is_plain_key(blob))
		return certified_fingerprint(blob, ret);
	return EVP_Digest(blob.data, blob.len, ret, NULL, EVP_sha256(), NULL) ==
	    1;
}
