/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"

size_t
utf8_length(struct slice in)
{
	uint8_t first = in.len > 0 ? in.data[0] : 0xff;
	uint8_t low = 0x80, high = 0xbf;
	size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || len > in.len)
		return 0;
	/* No longer form than needed, no surrogate, none past U+10FFFF. */
	switch (first) {
	case 0xe0:
		low = 0xa0;
		break;
	case 0xed:
		high = 0x9f;
		break;
	case 0xf0:
		low = 0x90;
		break;
	case 0xf4:
		high = 0x8f;
		break;
	}
	for (size_t i = 1; i < len; i++) {
		if (in.data[i] < low || in.data[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

bool
utf8_is_valid(struct slice in)
{
	size_t n;

	while (in.len > 0) {
		if ((n = utf8_length(in)) == 0)
			return false;
		in.data += n;
		in.len -= n;
	}
	return true;
}
