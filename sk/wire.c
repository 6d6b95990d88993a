/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "wire.h"

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

bool
slice_is(struct slice s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

bool
slice_begins(struct slice s, const char *text)
{
	return s.len >= strlen(text) && memcmp(s.data, text, strlen(text)) == 0;
}
