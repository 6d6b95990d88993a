/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/wire.h"

static bool
take_number(struct slice *in, size_t n, uint64_t *ret)
{
	uint64_t value = 0;

	if (in->len < n)
		return false;
	for (size_t i = 0; i < n; i++)
		value = value << 8 | in->data[i];
	in->data += n;
	in->len -= n;
	*ret = value;
	return true;
}

bool
wire_take_u8(struct slice *in, uint8_t *ret)
{
	uint64_t value;

	if (!take_number(in, 1, &value))
		return false;
	*ret = (uint8_t)value;
	return true;
}

bool
wire_take_u32(struct slice *in, uint32_t *ret)
{
	uint64_t value;

	if (!take_number(in, 4, &value))
		return false;
	*ret = (uint32_t)value;
	return true;
}

bool
wire_take_u64(struct slice *in, uint64_t *ret)
{
	return take_number(in, 8, ret);
}

bool
wire_take_string(struct slice *in, struct slice *ret)
{
	uint32_t n;

	if (!wire_take_u32(in, &n) || n > in->len)
		return false;
	*ret = (struct slice){ in->data, n };
	in->data += n;
	in->len -= n;
	return true;
}

int
wire_put_u8(struct bytes *b, uint8_t value)
{
	return bytes_append(b, &value, sizeof(value));
}

static void
encode_u32(uint32_t value, uint8_t ret[4])
{
	for (int i = 0; i < 4; i++)
		ret[i] = (uint8_t)(value >> (24 - 8 * i));
}

int
wire_put_u32(struct bytes *b, uint32_t value)
{
	uint8_t encoded[4];

	encode_u32(value, encoded);
	return bytes_append(b, encoded, sizeof(encoded));
}

int
wire_put_string(struct bytes *b, struct slice s)
{
	struct bytes grown = { 0 };
	uint8_t len[4];
	int r;

	encode_u32((uint32_t)s.len, len);
	if ((r = bytes_append(&grown, b->data, b->len)) == 0 &&
	    (r = bytes_append(&grown, len, sizeof(len))) == 0 &&
	    (r = bytes_append(&grown, s.data, s.len)) == 0)
		bytes_move(&grown, b);
	bytes_reset(&grown);
	return r;
}

int
wire_put_text(struct bytes *b, const char *text)
{
	return wire_put_string(
	    b, text != NULL ? slice_of_text(text) : (struct slice){ 0 });
}
