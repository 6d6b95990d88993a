/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/text.h"

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
	else if ((size_t)n >= sizeof(t->s) - t->len) {
		t->len = sizeof(t->s) - 1;
		memcpy(t->s + t->len - 3, "...", 3);
	} else
		t->len += (size_t)n;
}

void
text_add_quoted(struct text *t, struct slice foreign, size_t most)
{
	text_add(t, "\"");
	text_add_escaped(t, foreign, most);
	text_add(t, "\"");
}

void
text_add_escaped(struct text *t, struct slice foreign, size_t most)
{
	size_t shown = 0;

	for (size_t i = 0; i < foreign.len; i++) {
		uint8_t c = foreign.data[i];
		bool plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';

		shown += plain ? 1 : 4;
		if (shown > most) {
			text_add(t, "...");
			break;
		}
		if (plain)
			text_add(t, "%c", c);
		else
			text_add(t, "\\x%02x", c);
	}
}

void
text_add_fingerprint(struct text *t, const uint8_t digest[32])
{
	char base64[BASE64_LEN(32) + 1];

	base64_encode((struct slice){ digest, 32 }, base64);
	text_add(t, "SHA256:%.43s", base64); /* without its padding */
}
