/* SPDX-License-Identifier: ISC */
/*
 * A line of text of bounded length, for words of any origin. What does not fit
 * is cut, and bytes that a terminal would act on are escaped.
 */
#ifndef SKTPM_TEXT_H
#define SKTPM_TEXT_H

#include "base/bytes.h"
#include "base/log.h"

#define TEXT_LEN 1792

struct text {
	char s[TEXT_LEN]; /* always terminated; start from { 0 } */
	size_t len;
};

/*
 * Appends. Format and arguments have to be ours, not foreign. A text that is
 * full ends in "...".
 */
void text_add(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Appends foreign bytes in double quotes: printable ASCII as it is, but for
 * `"` and `\`; everything else as \xNN. What would be longer than `most`
 * characters is cut and ends in ...
 */
void text_add_quoted(struct text *t, struct slice foreign, size_t most);

/* The same without the quotes, for a text that stands by itself. */
void text_add_escaped(struct text *t, struct slice foreign, size_t most);

/* Appends "SHA256:" and the digest in base64 without padding, as OpenSSH. */
void text_add_fingerprint(struct text *t, const uint8_t digest[32]);

#endif
