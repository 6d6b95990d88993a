/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>

#include "text.h"

void
text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->len, sizeof(t->s) - t->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		t->s[t->len] = '\0';
	else if ((size_t)n >= sizeof(t->s) - t->len)
		t->len = sizeof(t->s) - 1;
	else
		t->len += (size_t)n;
}

void
text_add_quoted(struct text *t, struct slice foreign, size_t most)
{
	text_add(t, "\"");
	for (size_t i = 0; i < foreign.len && i < most; i++) {
		uint8_t c = foreign.data[i];

		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\')
			text_add(t, "%c", c);
		else
			text_add(t, "\\x%02x", c);
	}
	text_add(t, "%s\"", foreign.len > most ? "..." : "");
}

void
text_add_fingerprint(struct text *t, const uint8_t digest[32])
{
	unsigned char base64[45];

	EVP_EncodeBlock(base64, digest, 32);
	text_add(t, "SHA256:%.43s", (const char *)base64);
}
