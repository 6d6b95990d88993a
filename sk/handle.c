/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <string.h>

#include "cbor-item.h"
#include "error.h"
#include "fido.h"
#include "handle.h"
#include "log.h"

#define VERSION 1

static const struct slice magic = { (const uint8_t *)"sk-tpm", 6 };

enum {
	ENTRY_MAGIC,
	ENTRY_VERSION,
	ENTRY_PARENT,
	ENTRY_PARENT_NAME,
	ENTRY_AUTH,
	ENTRY_APPLICATION,
	ENTRY_LIMITS,
	ENTRY_PUBLIC,
	ENTRY_PRIVATE,
	N_ENTRIES,
};

/* Keeps the digest apart from any other use of SHA-256 over such a map. */
#define BINDING_DOMAIN "sk-tpm key handle binding v1"

/* --- encoding ---------------------------------------------------------- */

static int
put_entry_uint(struct bytes *out, uint64_t entry, uint64_t value)
{
	int r;

	if ((r = cbor_put_uint(out, entry)) != 0)
		return r;
	return cbor_put_uint(out, value);
}

static int
put_entry_bytes(struct bytes *out, uint64_t entry, struct slice value)
{
	int r;

	if ((r = cbor_put_uint(out, entry)) != 0)
		return r;
	return cbor_put_bytes(out, value);
}

/* The map's head and entries 0 to 6. */
static int
put_bound_entries(struct bytes *out, const struct handle *h)
{
	struct slice name = { h->parent_name, sizeof(h->parent_name) };
	struct slice application = { h->application, sizeof(h->application) };
	int r;

	if ((r = cbor_put_map(out, N_ENTRIES)) != 0 ||
	    (r = cbor_put_uint(out, ENTRY_MAGIC)) != 0 ||
	    (r = cbor_put_text(out, magic)) != 0 ||
	    (r = put_entry_uint(out, ENTRY_VERSION, VERSION)) != 0 ||
	    (r = put_entry_uint(out, ENTRY_PARENT, h->parent)) != 0 ||
	    (r = put_entry_bytes(out, ENTRY_PARENT_NAME, name)) != 0 ||
	    (r = put_entry_uint(out, ENTRY_AUTH, (uint64_t)h->auth)) != 0 ||
	    (r = put_entry_bytes(out, ENTRY_APPLICATION, application)) != 0 ||
	    (r = cbor_put_uint(out, ENTRY_LIMITS)) != 0)
		return r;
	return limits_encode(&h->limits, out);
}

int
handle_encode(const struct handle *h, struct bytes *ret)
{
	struct bytes out = { 0 };
	int r;

	if ((r = put_bound_entries(&out, h)) != 0 ||
	    (r = put_entry_bytes(
		 &out, ENTRY_PUBLIC, bytes_slice(&h->tpm_public))) != 0 ||
	    (r = put_entry_bytes(
		 &out, ENTRY_PRIVATE, bytes_slice(&h->tpm_private))) != 0)
		goto out;
	if (out.len > HANDLE_MAX_LEN) {
		r = fail(FAIL_INTERNAL, "key handle of %zu bytes", out.len);
		goto out;
	}
	bytes_move(&out, ret);
out:
	bytes_reset(&out);
	return r;
}

int
handle_binding(const struct handle *h, uint8_t ret_digest[HANDLE_BINDING_LEN])
{
	struct bytes in = { 0 };
	int r;

	if ((r = bytes_append(&in, BINDING_DOMAIN, sizeof(BINDING_DOMAIN))) !=
		0 ||
	    (r = put_bound_entries(&in, h)) != 0)
		goto out;
	if (EVP_Digest(in.data, in.len, ret_digest, NULL, EVP_sha256(), NULL) !=
	    1)
		r = fail(FAIL_INTERNAL, "SHA-256 failed");
out:
	bytes_reset(&in);
	return r;
}

/* --- decoding ---------------------------------------------------------- */

static bool
take_key(struct slice *in, uint64_t entry)
{
	uint64_t key;

	return cbor_take_uint(in, &key) && key == entry;
}

static bool
take_entry_uint(struct slice *in, uint64_t entry, uint64_t *ret)
{
	return take_key(in, entry) && cbor_take_uint(in, ret);
}

static bool
take_entry_bytes(struct slice *in, uint64_t entry, struct slice *ret)
{
	return take_key(in, entry) && cbor_take_bytes(in, ret) && ret->len > 0;
}

/* Whatever the number of entries: a later version may have more. */
static bool
take_magic(struct slice *in)
{
	struct slice text;
	uint64_t entries;

	return cbor_take_map(in, &entries) && take_key(in, ENTRY_MAGIC) &&
	    cbor_take_text(in, &text) && slice_equal(text, magic);
}

bool
handle_parent_is_valid(uint64_t parent)
{
	return parent == HANDLE_PARENT_SRK ||
	    parent == HANDLE_PARENT_SRK_ZEROS ||
	    (parent >= HANDLE_PARENT_PERSISTENT_FIRST &&
		parent <= HANDLE_PARENT_PERSISTENT_LAST);
}

static int
damaged(const char *what)
{
	return fail(FAIL_HANDLE, "the key handle is damaged (%s)", what);
}

static int
decode_entries(struct slice in, struct handle *h)
{
	struct slice name, application, tpm_public, tpm_private;
	uint64_t parent, auth;
	int r;

	if (!take_entry_uint(&in, ENTRY_PARENT, &parent) ||
	    !handle_parent_is_valid(parent))
		return damaged("parent");
	if (!take_entry_bytes(&in, ENTRY_PARENT_NAME, &name) ||
	    name.len != sizeof(h->parent_name))
		return damaged("name of the parent");
	if (!take_entry_uint(&in, ENTRY_AUTH, &auth) ||
	    (auth != HANDLE_AUTH_NONE && auth != HANDLE_AUTH_PIN))
		return damaged("authorization");
	if (!take_entry_bytes(&in, ENTRY_APPLICATION, &application) ||
	    application.len != sizeof(h->application))
		return damaged("application");
	if (!take_key(&in, ENTRY_LIMITS))
		return damaged("limits");
	if ((r = limits_decode(&in, &h->limits)) != 0)
		return r;
	if (!take_entry_bytes(&in, ENTRY_PUBLIC, &tpm_public))
		return damaged("public area");
	if (!take_entry_bytes(&in, ENTRY_PRIVATE, &tpm_private))
		return damaged("private area");
	h->parent = (uint32_t)parent;
	h->auth = (enum handle_auth)auth;
	memcpy(h->parent_name, name.data, name.len);
	memcpy(h->application, application.data, application.len);
	if ((r = bytes_set(&h->tpm_public, tpm_public.data, tpm_public.len)) !=
	    0)
		return r;
	return bytes_set(&h->tpm_private, tpm_private.data, tpm_private.len);
}

int
handle_decode(struct slice in, struct handle *ret)
{
	struct handle h = { 0 };
	struct bytes again = { 0 };
	struct slice rest = in;
	uint64_t version;
	int r;

	if (in.len > HANDLE_MAX_LEN || !take_magic(&rest))
		return fail(FAIL_NOT_OURS,
		    "the key handle was not made by sk-tpm, or its beginning "
		    "is damaged");
	if (!take_entry_uint(&rest, ENTRY_VERSION, &version))
		return damaged("version");
	if (version != VERSION)
		return fail(FAIL_VERSION,
		    "the key handle has format version %ju, and this sk-tpm "
		    "reads %d",
		    (uintmax_t)version, VERSION);
	if ((r = decode_entries(rest, &h)) != 0 ||
	    (r = handle_encode(&h, &again)) != 0)
		goto out;
	/*
	 * Comparing with our own encoding settles the rest at once: length of
	 * the map, shortest forms, definite lengths, nothing behind the end.
	 */
	if (!slice_equal(bytes_slice(&again), in)) {
		r = damaged("not our encoding");
		goto out;
	}
	*ret = h;
	h = (struct handle){ 0 };
out:
	bytes_reset(&again);
	handle_reset(&h);
	return r;
}

int
handle_check_application(const struct handle *h, const char *application)
{
	uint8_t hash[FIDO_DIGEST_LEN];
	int r;

	if ((r = fido_application_hash(application, hash)) != 0)
		return r;
	if (memcmp(hash, h->application, sizeof(hash)) != 0)
		return fail(FAIL_HANDLE,
		    "the key was made for another application than it is said "
		    "to be for");
	return 0;
}

void
handle_reset(struct handle *h)
{
	bytes_reset(&h->tpm_public);
	bytes_reset(&h->tpm_private);
	limits_reset(&h->limits);
	*h = (struct handle){ 0 };
}
