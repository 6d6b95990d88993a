/* SPDX-License-Identifier: ISC */
/* Base64 with padding and without white space (RFC 4648, section 4). */
#ifndef SKTPM_BASE64_H
#define SKTPM_BASE64_H

#include "base/bytes.h"

/* How long the encoding of n bytes is. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Stores the encoding, terminated, in BASE64_LEN(in.len) + 1 bytes. */
void base64_encode(struct slice in, char *ret);

/* Appends the encoding. 0 or FAIL_MEMORY; out is unchanged on failure. */
int base64_put(struct bytes *out, struct slice in) MUST_CHECK;

/*
 * Reads what base64_put wrote, and nothing else. 0; FAIL_ARGUMENT, for the
 * caller to say what it is that is damaged; FAIL_MEMORY.
 */
int base64_decode(struct slice in, struct bytes *ret) MUST_CHECK;

#endif
