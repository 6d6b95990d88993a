/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "attest/message.h"
#include "base/error.h"
#include "base/log.h"

/* What no line was made of yet. */
static struct slice
left_of(const struct message_lines *lines)
{
	if (lines->taken == lines->pending.len)
		return (struct slice){ 0 };
	return (struct slice){ lines->pending.data + lines->taken,
		lines->pending.len - lines->taken };
}

/* Of the longest line, without its LF; the last one may be unfinished. */
static size_t
longest_len(struct slice left)
{
	size_t longest = 0, n = 0;

	for (size_t i = 0; i < left.len; i++) {
		n = left.data[i] == '\n' ? 0 : n + 1;
		if (n > longest)
			longest = n;
	}
	return longest;
}

int
message_lines_add(struct message_lines *lines, struct slice arrived)
{
	struct slice left = left_of(lines);
	struct bytes kept = { 0 };
	int r;

	if (arrived.len > lines->most - lines->total)
		return fail(FAIL_PROTOCOL,
		    "the other side said more than %zu bytes", lines->most);
	if ((r = bytes_append(&kept, left.data, left.len)) == 0 &&
	    (r = bytes_append(&kept, arrived.data, arrived.len)) == 0) {
		bytes_move(&kept, &lines->pending);
		lines->taken = 0;
		lines->total += arrived.len;
		if (longest_len(left_of(lines)) >= MESSAGE_LINE_MAX)
			r = fail(FAIL_PROTOCOL,
			    "the other side's line has more than %d bytes",
			    MESSAGE_LINE_MAX);
	}
	bytes_reset(&kept);
	return r;
}

bool
message_lines_next(struct message_lines *lines, struct slice *ret)
{
	struct slice left = left_of(lines);
	const uint8_t *end;

	if (left.len == 0 || (end = memchr(left.data, '\n', left.len)) == NULL)
		return false;
	*ret = (struct slice){ left.data, (size_t)(end - left.data) };
	lines->taken += ret->len + 1;
	return true;
}

void
message_lines_reset(struct message_lines *lines)
{
	bytes_reset(&lines->pending);
	lines->taken = 0;
}
