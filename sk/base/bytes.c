/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"

int
bytes_append(struct bytes *b, const void *data, size_t n)
{
	uint8_t *grown;

	if (n == 0)
		return 0;
	/* Not realloc: it may leave a copy of the old content behind. */
	if (n > SIZE_MAX - b->len || (grown = malloc(b->len + n)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	if (b->len > 0)
		memcpy(grown, b->data, b->len);
	memcpy(grown + b->len, data, n);
	n += b->len;
	bytes_reset(b);
	b->data = grown;
	b->len = n;
	return 0;
}

int
bytes_set(struct bytes *b, const void *data, size_t n)
{
	struct bytes fresh = { 0 };
	int r;

	if ((r = bytes_append(&fresh, data, n)) != 0)
		return r;
	bytes_move(&fresh, b);
	return 0;
}

void
bytes_reset(struct bytes *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->len);
	free(b->data);
	b->data = NULL;
	b->len = 0;
}

void
bytes_move(struct bytes *b, struct bytes *ret)
{
	struct bytes moved = *b;

	b->data = NULL;
	b->len = 0;
	bytes_reset(ret);
	*ret = moved;
}

struct slice
bytes_slice(const struct bytes *b)
{
	return (struct slice){ b->data, b->len };
}

struct slice
slice_of_text(const char *text)
{
	return (struct slice){ (const uint8_t *)text, strlen(text) };
}

bool
slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len &&
	    (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool
slice_is(struct slice s, const char *text)
{
	return slice_equal(s, slice_of_text(text));
}

bool
slice_begins(struct slice s, const char *text)
{
	const struct slice wanted = slice_of_text(text);

	return s.len >= wanted.len &&
	    slice_equal((struct slice){ s.data, wanted.len }, wanted);
}
