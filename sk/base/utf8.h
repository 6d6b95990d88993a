/* SPDX-License-Identifier: ISC */
/* UTF-8, in the one form that RFC 3629 allows each character. */
#ifndef SKTPM_UTF8_H
#define SKTPM_UTF8_H

#include "base/bytes.h"

/* The bytes of the first character, 1 to 4; 0 where there is none. */
size_t utf8_length(struct slice in);

/* True if there is nothing but characters, or nothing. */
bool utf8_is_valid(struct slice in);

#endif
