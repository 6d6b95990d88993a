/* SPDX-License-Identifier: ISC */
#include <cbor.h>

#include "base/cbor.h"
#include "base/error.h"
#include "base/log.h"

/* --- writing ----------------------------------------------------------- */

static int
put_head(struct bytes *out, const uint8_t *head, size_t len)
{
	if (len == 0)
		return fail(FAIL_INTERNAL, "cannot encode CBOR");
	return bytes_append(out, head, len);
}

int
cbor_put_uint(struct bytes *out, uint64_t value)
{
	uint8_t head[9];

	return put_head(out, head, cbor_encode_uint(value, head, sizeof(head)));
}

int
cbor_put_bytes(struct bytes *out, struct slice value)
{
	uint8_t head[9];
	size_t n = cbor_encode_bytestring_start(value.len, head, sizeof(head));
	int r;

	if ((r = put_head(out, head, n)) != 0)
		return r;
	return bytes_append(out, value.data, value.len);
}

int
cbor_put_text(struct bytes *out, struct slice value)
{
	uint8_t head[9];
	size_t n = cbor_encode_string_start(value.len, head, sizeof(head));
	int r;

	if ((r = put_head(out, head, n)) != 0)
		return r;
	return bytes_append(out, value.data, value.len);
}

int
cbor_put_map(struct bytes *out, size_t entries)
{
	uint8_t head[9];

	return put_head(
	    out, head, cbor_encode_map_start(entries, head, sizeof(head)));
}

int
cbor_put_array(struct bytes *out, size_t items)
{
	uint8_t head[9];

	return put_head(
	    out, head, cbor_encode_array_start(items, head, sizeof(head)));
}

int
cbor_put_entry_uint(struct bytes *out, uint64_t key, uint64_t value)
{
	int r;

	if ((r = cbor_put_uint(out, key)) != 0)
		return r;
	return cbor_put_uint(out, value);
}

int
cbor_put_entry_bytes(struct bytes *out, uint64_t key, struct slice value)
{
	int r;

	if ((r = cbor_put_uint(out, key)) != 0)
		return r;
	return cbor_put_bytes(out, value);
}

int
cbor_put_entry_text(struct bytes *out, uint64_t key, struct slice value)
{
	int r;

	if ((r = cbor_put_uint(out, key)) != 0)
		return r;
	return cbor_put_text(out, value);
}

/* --- reading ----------------------------------------------------------- */

/* The one item that libcbor's stream decoder saw last. */
struct item {
	enum {
		ITEM_OTHER,
		ITEM_UINT,
		ITEM_BYTES,
		ITEM_TEXT,
		ITEM_MAP,
		ITEM_ARRAY,
	} type;
	uint64_t value;	    /* of a uint; entries of a map or an array */
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

/* libcbor 0.9 widened the length of strings, maps and arrays from size_t. */
#if CBOR_MAJOR_VERSION > 0 || CBOR_MINOR_VERSION >= 9
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
on_map(void *ctx, cbor_length n)
{
	*(struct item *)ctx = (struct item){ .type = ITEM_MAP, .value = n };
}

static void
on_array(void *ctx, cbor_length n)
{
	*(struct item *)ctx = (struct item){ .type = ITEM_ARRAY, .value = n };
}

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
	callbacks.array_start = on_array;

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
take_value(struct slice *in, int type, uint64_t *ret)
{
	struct item item;

	if (!take_item(in, &item) || (int)item.type != type)
		return false;
	*ret = item.value;
	return true;
}

static bool
take_slice(struct slice *in, int type, struct slice *ret)
{
	struct item item;

	if (!take_item(in, &item) || (int)item.type != type)
		return false;
	*ret = item.slice;
	return true;
}

bool
cbor_take_uint(struct slice *in, uint64_t *ret)
{
	return take_value(in, ITEM_UINT, ret);
}

bool
cbor_take_bytes(struct slice *in, struct slice *ret)
{
	return take_slice(in, ITEM_BYTES, ret);
}

bool
cbor_take_text(struct slice *in, struct slice *ret)
{
	return take_slice(in, ITEM_TEXT, ret);
}

bool
cbor_take_map(struct slice *in, uint64_t *ret_entries)
{
	return take_value(in, ITEM_MAP, ret_entries);
}

bool
cbor_take_array(struct slice *in, uint64_t *ret_items)
{
	return take_value(in, ITEM_ARRAY, ret_items);
}

bool
cbor_take_key(struct slice *in, uint64_t key)
{
	uint64_t found;

	return cbor_take_uint(in, &found) && found == key;
}

bool
cbor_take_optional_key(struct slice *in, uint64_t key)
{
	struct slice rest = *in;

	if (!cbor_take_key(&rest, key))
		return false;
	*in = rest;
	return true;
}

bool
cbor_take_entry_uint(struct slice *in, uint64_t key, uint64_t *ret)
{
	return cbor_take_key(in, key) && cbor_take_uint(in, ret);
}

bool
cbor_take_entry_bytes(struct slice *in, uint64_t key, struct slice *ret)
{
	return cbor_take_key(in, key) && cbor_take_bytes(in, ret);
}

bool
cbor_take_entry_text(struct slice *in, uint64_t key, struct slice *ret)
{
	return cbor_take_key(in, key) && cbor_take_text(in, ret);
}
