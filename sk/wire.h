/* SPDX-License-Identifier: ISC */
/*
 * SSH's wire encoding (RFC 4251, section 5): big-endian numbers, and strings
 * with a 32-bit length before them. Each function takes one value off the
 * front of *in; false, and *in undefined, where it is cut short.
 */
#ifndef SKTPM_WIRE_H
#define SKTPM_WIRE_H

#include "bytes.h"

bool wire_take_u8(struct slice *in, uint8_t *ret) MUST_CHECK;
bool wire_take_u32(struct slice *in, uint32_t *ret) MUST_CHECK;
bool wire_take_u64(struct slice *in, uint64_t *ret) MUST_CHECK;

/* The string borrows from *in. */
bool wire_take_string(struct slice *in, struct slice *ret) MUST_CHECK;

/* True if s is this text. */
bool slice_is(struct slice s, const char *text);

/* True if s begins with this text. */
bool slice_begins(struct slice s, const char *text);

#endif
