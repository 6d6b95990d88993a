/* SPDX-License-Identifier: ISC */
/*
 * Byte strings with a length. `bytes` owns its storage and wipes it before
 * freeing it; `slice` borrows.
 */
#ifndef SKTPM_BYTES_H
#define SKTPM_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))

struct bytes {
	uint8_t *data; /* NULL exactly when len is 0 */
	size_t len;
};

struct slice {
	const uint8_t *data;
	size_t len;
};

/* Appends a copy of n bytes. 0 or FAIL_MEMORY; b is unchanged on failure. */
int bytes_append(struct bytes *b, const void *data, size_t n) MUST_CHECK;

/* Replaces the content by a copy of n bytes. 0 or FAIL_MEMORY. */
int bytes_set(struct bytes *b, const void *data, size_t n) MUST_CHECK;

/* Wipes and frees the content; b is empty and usable again. */
void bytes_reset(struct bytes *b);

/* Moves b's content to *ret, whose own is wiped and freed. b is empty then. */
void bytes_move(struct bytes *b, struct bytes *ret);

/* b's content; valid until b changes. */
struct slice bytes_slice(const struct bytes *b);

/* The text without its terminating zero; valid as long as the text. */
struct slice slice_of_text(const char *text);

bool slice_equal(struct slice a, struct slice b);

/* True if s is this text. */
bool slice_is(struct slice s, const char *text);

/* True if s begins with this text. */
bool slice_begins(struct slice s, const char *text);

#endif
