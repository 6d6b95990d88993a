/* SPDX-License-Identifier: ISC */
#include <cbor.h>
#include <openssl/evp.h>
#include <string.h>

#include "error.h"
#include "handle.h"
#include "log.h"

#define MAGIC "sk-tpm"
#define VERSION 1

enum {
	ENTRY_MAGIC,
	ENTRY_VERSION,
	ENTRY_PARENT,
	ENTRY_PARENT_NAME,
	ENTRY_AUTH,
	ENTRY_PUBLIC,
	ENTRY_PRIVATE,
	N_ENTRIES,
};

/* Keeps the digest apart from any other use of SHA-256 over such a map. */
#define BINDING_DOMAIN "sk-tpm key handle binding v1"

/* --- encoding ---------------------------------------------------------- */

static int
put_head(struct bytes *out, const uint8_t *head, size_t len)
{
	if (len == 0)
		return fail(FAIL_INTERNAL, "cannot encode CBOR");
	return bytes_append(out, head, len);
}

static int
put_uint(struct bytes *out, uint64_t value)
{
	uint8_t head[9];

	return put_head(out, head, cbor_encode_uint(value, head, sizeof(head)));
}

static int
put_entry_uint(struct bytes *out, uint64_t entry, uint64_t value)
{
	int r;

	if ((r = put_uint(out, entry)) != 0)
		return r;
	return put_uint(out, value);
}

static int
put_entry_bytes(struct bytes *out, uint64_t entry, struct slice value)
{
	uint8_t head[9];
	size_t n = cbor_encode_bytestring_start(value.len, head, sizeof(head));
	int r;

	if ((r = put_uint(out, entry)) != 0 ||
	    (r = put_head(out, head, n)) != 0)
		return r;
	return bytes_append(out, value.data, value.len);
}

/* The map's head and entries 0 and 1, the same in every handle. */
static int
put_preamble(struct bytes *out)
{
	uint8_t head[9];
	size_t n = cbor_encode_map_start(N_ENTRIES, head, sizeof(head));
	int r;

	if ((r = put_head(out, head, n)) != 0 ||
	    (r = put_uint(out, ENTRY_MAGIC)) != 0)
		return r;
	n = cbor_encode_string_start(strlen(MAGIC), head, sizeof(head));
	if ((r = put_head(out, head, n)) != 0 ||
	    (r = bytes_append(out, MAGIC, strlen(MAGIC))) != 0)
		return r;
	return put_entry_uint(out, ENTRY_VERSION, VERSION);
}

static int
put_bound_entries(struct bytes *out, const struct handle *h)
{
	struct slice name = { h->parent_name, sizeof(h->parent_name) };
	int r;

	if ((r = put_preamble(out)) != 0 ||
	    (r = put_entry_uint(out, ENTRY_PARENT, h->parent)) != 0 ||
	    (r = put_entry_bytes(out, ENTRY_PARENT_NAME, name)) != 0)
		return r;
	return put_entry_uint(out, ENTRY_AUTH, (uint64_t)h->auth);
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

/* The one CBOR item that libcbor's stream decoder saw last. */
struct item {
	enum {
		ITEM_OTHER,
		ITEM_UINT,
		ITEM_BYTES,
		ITEM_TEXT,
		ITEM_MAP
	} type;
	uint64_t value;	    /* of a uint; entries of a map */
	struct slice slice; /* of a byte or text string */
};

static void
on_uint8(void *ctx, uint8_t v)
{
	*(struct item *)ctx = (struct item){ .type = ITEM_UINT, .value = v };
}

static void
on_uint16(void *ctx, uint16_t v)
{
	*(struct item *)ctx = (struct item){ .type = ITEM_UINT, .value = v };
}

static void
on_uint32(void *ctx, uint32_t v)
{
	*(struct item *)ctx = (struct item){ .type = ITEM_UINT, .value = v };
}

static void
on_uint64(void *ctx, uint64_t v)
{
	*(struct item *)ctx = (struct item){ .type = ITEM_UINT, .value = v };
}

/* libcbor 0.11 widened the length of strings and maps from size_t. */
#if CBOR_MAJOR_VERSION > 0 || CBOR_MINOR_VERSION >= 11
typedef uint64_t cbor_length;
#else
typedef size_t cbor_length;
#endif

static void
on_bytes(void *ctx, cbor_data data, cbor_length len)
{
	*(struct item *)ctx =
	    (struct item){ .type = ITEM_BYTES, .slice = { data, (size_t)len } };
}

static void
on_text(void *ctx, cbor_data data, cbor_length len)
{
	*(struct item *)ctx =
	    (struct item){ .type = ITEM_TEXT, .slice = { data, (size_t)len } };
}

static void
on_map(void *ctx, cbor_length entries)
{
	*(struct item *)ctx =
	    (struct item){ .type = ITEM_MAP, .value = entries };
}

/*
 * Takes one item off the front of *in. The stream decoder allocates nothing,
 * so a length that lies costs nothing.
 */
static bool
take_item(struct slice *in, struct item *ret)
{
	struct cbor_callbacks callbacks = cbor_empty_callbacks;
	struct cbor_decoder_result res;

	callbacks.uint8 = on_uint8;
	callbacks.uint16 = on_uint16;
	callbacks.uint32 = on_uint32;
	callbacks.uint64 = on_uint64;
	callbacks.byte_string = on_bytes;
	callbacks.string = on_text;
	callbacks.map_start = on_map;

	*ret = (struct item){ .type = ITEM_OTHER };
	if (in->len == 0)
		return false;
	res = cbor_stream_decode(in->data, in->len, &callbacks, ret);
	if (res.status != CBOR_DECODER_FINISHED || res.read > in->len)
		return false;
	in->data += res.read;
	in->len -= res.read;
	return true;
}

static bool
take_uint(struct slice *in, uint64_t *ret)
{
	struct item item;

	if (!take_item(in, &item) || item.type != ITEM_UINT)
		return false;
	*ret = item.value;
	return true;
}

static bool
take_key(struct slice *in, uint64_t entry)
{
	uint64_t key;

	return take_uint(in, &key) && key == entry;
}

static bool
take_entry_uint(struct slice *in, uint64_t entry, uint64_t *ret)
{
	return take_key(in, entry) && take_uint(in, ret);
}

static bool
take_entry_bytes(struct slice *in, uint64_t entry, struct slice *ret)
{
	struct item item;

	if (!take_key(in, entry) || !take_item(in, &item) ||
	    item.type != ITEM_BYTES || item.slice.len == 0)
		return false;
	*ret = item.slice;
	return true;
}

/* Whatever the number of entries: a later version may have more. */
static bool
take_magic(struct slice *in)
{
	const struct slice magic = { (const uint8_t *)MAGIC, strlen(MAGIC) };
	struct item item;

	if (!take_item(in, &item) || item.type != ITEM_MAP)
		return false;
	return take_key(in, ENTRY_MAGIC) && take_item(in, &item) &&
	    item.type == ITEM_TEXT && slice_equal(item.slice, magic);
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
	struct slice name, tpm_public, tpm_private;
	uint64_t parent, auth;
	int r;

	if (!take_entry_uint(&in, ENTRY_PARENT, &parent) ||
	    !handle_parent_is_valid(parent))
		return damaged("parent");
	if (!take_entry_bytes(&in, ENTRY_PARENT_NAME, &name) ||
	    name.len != sizeof(h->parent_name))
		return damaged("name of the parent");
	if (!take_entry_uint(&in, ENTRY_AUTH, &auth) ||
	    auth != HANDLE_AUTH_NONE)
		return damaged("authorization");
	if (!take_entry_bytes(&in, ENTRY_PUBLIC, &tpm_public))
		return damaged("public area");
	if (!take_entry_bytes(&in, ENTRY_PRIVATE, &tpm_private))
		return damaged("private area");
	h->parent = (uint32_t)parent;
	h->auth = (enum handle_auth)auth;
	memcpy(h->parent_name, name.data, name.len);
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

void
handle_reset(struct handle *h)
{
	bytes_reset(&h->tpm_public);
	bytes_reset(&h->tpm_private);
	*h = (struct handle){ 0 };
}
