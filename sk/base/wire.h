/* SPDX-License-Identifier: ISC */
/*
 * SSH's wire encoding (RFC 4251, section 5): big-endian numbers, and strings
 * with a 32-bit length before them. The wire_take functions take one value off
 * the front of *in; false, and *in undefined, where it is cut short.
 */
#ifndef SKTPM_WIRE_H
#define SKTPM_WIRE_H

#include "base/bytes.h"

bool wire_take_u8(struct slice *in, uint8_t *ret) MUST_CHECK;
bool wire_take_u32(struct slice *in, uint32_t *ret) MUST_CHECK;
bool wire_take_u64(struct slice *in, uint64_t *ret) MUST_CHECK;

/* The string borrows from *in. */
bool wire_take_string(struct slice *in, struct slice *ret) MUST_CHECK;

/* Each appends one value. 0 or FAIL_MEMORY; b is unchanged on failure. */
int wire_put_u8(struct bytes *b, uint8_t value) MUST_CHECK;
int wire_put_u32(struct bytes *b, uint32_t value) MUST_CHECK;
int wire_put_string(struct bytes *b, struct slice s) MUST_CHECK;

/* A string of this text; an empty one for NULL. */
int wire_put_text(struct bytes *b, const char *text) MUST_CHECK;

#endif
