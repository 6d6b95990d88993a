/* SPDX-License-Identifier: ISC */
#include "attest/tpm2b.h"
#include "base/wire.h"

bool
tpm2b_take_u16(struct slice *in, uint16_t *ret)
{
	uint8_t high, low;

	if (!wire_take_u8(in, &high) || !wire_take_u8(in, &low))
		return false;
	*ret = (uint16_t)(high << 8 | low);
	return true;
}

bool
tpm2b_take(struct slice *in, struct slice *ret)
{
	uint16_t n;

	if (!tpm2b_take_u16(in, &n) || n > in->len)
		return false;
	*ret = (struct slice){ in->data, n };
	in->data += n;
	in->len -= n;
	return true;
}

int
tpm2b_put(struct bytes *out, struct slice content)
{
	const uint8_t size[2] = { (uint8_t)(content.len >> 8),
		(uint8_t)content.len };
	int r;

	if ((r = bytes_append(out, size, sizeof(size))) != 0)
		return r;
	return bytes_append(out, content.data, content.len);
}
