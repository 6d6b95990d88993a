/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/cbor.h"
#include "base/error.h"
#include "base/log.h"
#include "base/sha256.h"
#include "key/handle.h"

#define VERSION 1

static const struct slice magic = { (const uint8_t *)"sk-tpm", 6 };

enum {
	ENTRY_MAGIC,
	ENTRY_BOUND,
	ENTRY_PUBLIC,
	ENTRY_PRIVATE,
	ENTRY_PIN_OBJECT_PRIVATE,
	ENTRY_PERSISTENT,
	ENTRY_PERSISTENT_AUTH,
};

enum {
	BOUND_VERSION,
	BOUND_PARENT,
	BOUND_PARENT_NAME,
	BOUND_AUTH,
	BOUND_APPLICATION,
	BOUND_LIMITS,
	BOUND_PRESENCE,
	BOUND_PIN_SALT,
	BOUND_PIN_LIFETIME,
	BOUND_PCRS,
	BOUND_PIN_OBJECT_PUBLIC,
};

/* Keeps the digest apart from any other use of SHA-256 over such a map. */
#define BINDING_DOMAIN "sk-tpm key handle binding v1"

static bool
has_pin_object(const struct handle *h)
{
	return h->auth == HANDLE_AUTH_PIN_OBJECT;
}

/* --- encoding ---------------------------------------------------------- */

static int
put_pcrs(struct bytes *out, const struct handle *h)
{
	size_t n = (size_t)__builtin_popcount(h->pcrs);
	int r;

	if ((r = cbor_put_uint(out, BOUND_PCRS)) != 0 ||
	    (r = cbor_put_map(out, n)) != 0)
		return r;
	for (uint32_t i = 0; i < PCR_COUNT && r == 0; i++)
		if ((h->pcrs & 1u << i) != 0)
			r = cbor_put_entry_bytes(out, i,
			    (struct slice){ h->pcr_values[i], PCR_LEN });
	return r;
}

int
handle_bound(const struct handle *h, struct bytes *ret)
{
	struct slice name = { h->parent_name, sizeof(h->parent_name) };
	struct slice application = { h->application, sizeof(h->application) };
	struct slice salt = { h->pin_salt, sizeof(h->pin_salt) };
	size_t n = BOUND_PRESENCE + 1;
	struct bytes out = { 0 };
	int r;

	if (h->auth != HANDLE_AUTH_NONE)
		n++; /* salt */
	if (has_pin_object(h))
		n += 2; /* lifetime, public area */
	if (h->pcrs != 0)
		n++;
	if ((r = cbor_put_map(&out, n)) == 0 &&
	    (r = cbor_put_entry_uint(&out, BOUND_VERSION, VERSION)) == 0 &&
	    (r = cbor_put_entry_uint(&out, BOUND_PARENT, h->parent)) == 0 &&
	    (r = cbor_put_entry_bytes(&out, BOUND_PARENT_NAME, name)) == 0 &&
	    (r = cbor_put_entry_uint(&out, BOUND_AUTH, (uint64_t)h->auth)) ==
		0 &&
	    (r = cbor_put_entry_bytes(&out, BOUND_APPLICATION, application)) ==
		0 &&
	    (r = cbor_put_uint(&out, BOUND_LIMITS)) == 0 &&
	    (r = limits_encode(&h->limits, &out)) == 0)
		r = cbor_put_entry_uint(&out, BOUND_PRESENCE, h->presence);
	if (r == 0 && h->auth != HANDLE_AUTH_NONE)
		r = cbor_put_entry_bytes(&out, BOUND_PIN_SALT, salt);
	if (r == 0 && has_pin_object(h))
		r = cbor_put_entry_uint(
		    &out, BOUND_PIN_LIFETIME, h->pin_lifetime);
	if (r == 0 && h->pcrs != 0)
		r = put_pcrs(&out, h);
	if (r == 0 && has_pin_object(h))
		r = cbor_put_entry_bytes(&out, BOUND_PIN_OBJECT_PUBLIC,
		    bytes_slice(&h->pin_object_public));
	if (r == 0)
		bytes_move(&out, ret);
	bytes_reset(&out);
	return r;
}

int
handle_encode(const struct handle *h, struct bytes *ret)
{
	size_t n = ENTRY_PRIVATE + 1;
	struct bytes out = { 0 }, bound = { 0 };
	int r;

	if (has_pin_object(h))
		n++;
	if (h->persistent != 0)
		n++;
	if (h->persistent_auth.len > 0)
		n++;
	if ((r = handle_bound(h, &bound)) == 0 &&
	    (r = cbor_put_map(&out, n)) == 0 &&
	    (r = cbor_put_entry_text(&out, ENTRY_MAGIC, magic)) == 0 &&
	    (r = cbor_put_entry_bytes(
		 &out, ENTRY_BOUND, bytes_slice(&bound))) == 0 &&
	    (r = cbor_put_entry_bytes(
		 &out, ENTRY_PUBLIC, bytes_slice(&h->tpm_public))) == 0)
		r = cbor_put_entry_bytes(
		    &out, ENTRY_PRIVATE, bytes_slice(&h->tpm_private));
	if (r == 0 && has_pin_object(h))
		r = cbor_put_entry_bytes(&out, ENTRY_PIN_OBJECT_PRIVATE,
		    bytes_slice(&h->pin_object_private));
	if (r == 0 && h->persistent != 0)
		r = cbor_put_entry_uint(&out, ENTRY_PERSISTENT, h->persistent);
	if (r == 0 && h->persistent_auth.len > 0)
		r = cbor_put_entry_bytes(&out, ENTRY_PERSISTENT_AUTH,
		    bytes_slice(&h->persistent_auth));
	if (r == 0 && out.len > HANDLE_MAX_LEN)
		r = fail(FAIL_INTERNAL, "key handle of %zu bytes", out.len);
	if (r == 0)
		bytes_move(&out, ret);
	bytes_reset(&bound);
	bytes_reset(&out);
	return r;
}

int
handle_binding(const struct handle *h, uint8_t ret_digest[HANDLE_BINDING_LEN])
{
	struct bytes in = { 0 }, bound = { 0 };
	int r;

	if ((r = handle_bound(h, &bound)) == 0 &&
	    (r = bytes_append(&in, BINDING_DOMAIN, sizeof(BINDING_DOMAIN))) ==
		0 &&
	    (r = bytes_append(&in, bound.data, bound.len)) == 0)
		r = sha256(bytes_slice(&in), ret_digest);
	bytes_reset(&bound);
	bytes_reset(&in);
	return r;
}

/* --- decoding ---------------------------------------------------------- */

/* An entry of bytes that is not empty. */
static bool
take_filled(struct slice *in, uint64_t entry, struct slice *ret)
{
	return cbor_take_entry_bytes(in, entry, ret) && ret->len > 0;
}

/* An entry of as many bytes as `ret` has. */
static bool
take_entry_exactly(
    struct slice *in, uint64_t entry, uint8_t *ret, size_t ret_len)
{
	struct slice value;

	if (!cbor_take_entry_bytes(in, entry, &value) || value.len != ret_len)
		return false;
	memcpy(ret, value.data, ret_len);
	return true;
}

static bool
parent_is_valid(uint64_t parent)
{
	return parent == HANDLE_PARENT_SRK ||
	    parent == HANDLE_PARENT_SRK_ZEROS ||
	    (parent >= HANDLE_PARENT_PERSISTENT_FIRST &&
		parent <= HANDLE_PARENT_PERSISTENT_LAST);
}

static int
fail_damaged_handle(const char *what)
{
	return fail(FAIL_HANDLE, "the key handle is damaged (%s)", what);
}

static bool
take_pcrs(struct slice *in, struct handle *h)
{
	static const uint8_t zero[PCR_LEN] = { 0 };
	uint64_t n, pcr;

	if (!cbor_take_map(in, &n) || n == 0 || n > PCR_COUNT)
		return false;
	while (n-- > 0) {
		struct slice value;

		if (!cbor_take_uint(in, &pcr) || !pcr_is_usable(pcr) ||
		    !cbor_take_bytes(in, &value) || value.len != PCR_LEN ||
		    memcmp(value.data, zero, sizeof(zero)) == 0)
			return false;
		h->pcrs |= 1u << pcr;
		memcpy(h->pcr_values[pcr], value.data, PCR_LEN);
	}
	return true;
}

/* The bound entries that not every key has. */
static int
decode_conditions(struct slice *in, struct handle *h)
{
	struct slice public;
	uint64_t lifetime;

	if (h->auth != HANDLE_AUTH_NONE &&
	    !take_entry_exactly(
		in, BOUND_PIN_SALT, h->pin_salt, sizeof(h->pin_salt)))
		return fail_damaged_handle("salt of the PIN");
	if (has_pin_object(h)) {
		if (!cbor_take_entry_uint(in, BOUND_PIN_LIFETIME, &lifetime) ||
		    lifetime == 0 || lifetime > HANDLE_LIFETIME_MAX)
			return fail_damaged_handle("lifetime of the PIN");
		h->pin_lifetime = (uint32_t)lifetime;
	}
	if (cbor_take_optional_key(in, BOUND_PCRS) && !take_pcrs(in, h))
		return fail_damaged_handle("PCRs");
	if (!has_pin_object(h))
		return 0;
	if (!take_filled(in, BOUND_PIN_OBJECT_PUBLIC, &public))
		return fail_damaged_handle("PIN object");
	return bytes_set(&h->pin_object_public, public.data, public.len);
}

/* The bound entries, but for their encoding. */
static int
decode_bound(struct slice in, struct handle *h)
{
	uint64_t entries, version, parent, auth, presence;
	int r;

	/* Another version may have another number of entries. */
	if (!cbor_take_map(&in, &entries) ||
	    !cbor_take_entry_uint(&in, BOUND_VERSION, &version))
		return fail_damaged_handle("version");
	if (version != VERSION)
		return fail(FAIL_VERSION,
		    "the key handle has format version %ju, and this sk-tpm "
		    "reads %d",
		    (uintmax_t)version, VERSION);
	if (!cbor_take_entry_uint(&in, BOUND_PARENT, &parent) ||
	    !parent_is_valid(parent))
		return fail_damaged_handle("parent");
	if (!take_entry_exactly(
		&in, BOUND_PARENT_NAME, h->parent_name, sizeof(h->parent_name)))
		return fail_damaged_handle("name of the parent");
	if (!cbor_take_entry_uint(&in, BOUND_AUTH, &auth) ||
	    auth > HANDLE_AUTH_PIN_OBJECT)
		return fail_damaged_handle("authorization");
	if (!take_entry_exactly(
		&in, BOUND_APPLICATION, h->application, sizeof(h->application)))
		return fail_damaged_handle("application");
	if (!cbor_take_key(&in, BOUND_LIMITS))
		return fail_damaged_handle("limits");
	if ((r = limits_decode(&in, &h->limits)) != 0)
		return r;
	if (!cbor_take_entry_uint(&in, BOUND_PRESENCE, &presence) ||
	    presence > 1)
		return fail_damaged_handle("presence");
	h->parent = (uint32_t)parent;
	h->auth = (enum handle_auth)auth;
	h->presence = presence == 1;
	return decode_conditions(&in, h);
}

/* Where a copy of the key may be, and its authValue. */
static int
decode_persistent(struct slice *in, struct handle *h)
{
	uint8_t auth[HANDLE_AUTH_VALUE_LEN];
	uint64_t where;
	int r;

	if (!cbor_take_optional_key(in, ENTRY_PERSISTENT))
		return 0;
	if (!cbor_take_uint(in, &where) ||
	    where < HANDLE_PARENT_PERSISTENT_FIRST ||
	    where > HANDLE_OWNER_PERSISTENT_LAST)
		return fail_damaged_handle("persistent handle");
	h->persistent = (uint32_t)where;
	if (in->len == 0)
		return 0;
	if (h->auth != HANDLE_AUTH_NONE || h->pcrs != 0 ||
	    !take_entry_exactly(
		in, ENTRY_PERSISTENT_AUTH, auth, sizeof(auth)) ||
	    auth[sizeof(auth) - 1] == 0)
		return fail_damaged_handle("authValue of the persistent key");
	r = bytes_set(&h->persistent_auth, auth, sizeof(auth));
	explicit_bzero(auth, sizeof(auth));
	return r;
}

/* The entries after the bound ones. */
static int
decode_objects(struct slice in, struct handle *h)
{
	struct slice tpm_public, tpm_private, pin_object;
	int r;

	if (!take_filled(&in, ENTRY_PUBLIC, &tpm_public))
		return fail_damaged_handle("public area");
	if (!take_filled(&in, ENTRY_PRIVATE, &tpm_private))
		return fail_damaged_handle("private area");
	if ((r = bytes_set(&h->tpm_public, tpm_public.data, tpm_public.len)) !=
		0 ||
	    (r = bytes_set(
		 &h->tpm_private, tpm_private.data, tpm_private.len)) != 0)
		return r;
	if (has_pin_object(h)) {
		if (!take_filled(&in, ENTRY_PIN_OBJECT_PRIVATE, &pin_object))
			return fail_damaged_handle(
			    "private area of the PIN object");
		if ((r = bytes_set(&h->pin_object_private, pin_object.data,
			 pin_object.len)) != 0)
			return r;
	}
	return decode_persistent(&in, h);
}

int
handle_decode_bound(struct slice in, struct handle *ret)
{
	struct handle h = { 0 };
	struct bytes again = { 0 };
	int r;

	if ((r = decode_bound(in, &h)) != 0 ||
	    (r = handle_bound(&h, &again)) != 0)
		goto out;
	/*
	 * The comparison with our own encoding settles the rest: length of the
	 * maps, order of their entries, shortest forms, definite lengths, no
	 * unknown entry, nothing behind the end.
	 */
	if (!slice_equal(bytes_slice(&again), in)) {
		r = fail_damaged_handle("not our encoding");
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
handle_decode(struct slice in, struct handle *ret)
{
	struct handle h = { 0 };
	struct bytes again = { 0 };
	struct slice rest = in, text, bound;
	uint64_t entries;
	int r;

	if (in.len > HANDLE_MAX_LEN || !cbor_take_map(&rest, &entries) ||
	    !cbor_take_entry_text(&rest, ENTRY_MAGIC, &text) ||
	    !slice_equal(text, magic))
		return fail(FAIL_NOT_OURS,
		    "the key handle was not made by sk-tpm, or its beginning "
		    "is damaged");
	if (!take_filled(&rest, ENTRY_BOUND, &bound))
		return fail_damaged_handle("bound entries");
	if ((r = handle_decode_bound(bound, &h)) != 0 ||
	    (r = decode_objects(rest, &h)) != 0 ||
	    (r = handle_encode(&h, &again)) != 0)
		goto out;
	if (!slice_equal(bytes_slice(&again), in)) {
		r = fail_damaged_handle("not our encoding");
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
	uint8_t hash[SHA256_LEN];
	int r;

	if ((r = sha256_text(application, hash)) != 0)
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
	bytes_reset(&h->pin_object_public);
	bytes_reset(&h->tpm_public);
	bytes_reset(&h->tpm_private);
	bytes_reset(&h->pin_object_private);
	bytes_reset(&h->persistent_auth);
	limits_reset(&h->limits);
	*h = (struct handle){ 0 };
}
