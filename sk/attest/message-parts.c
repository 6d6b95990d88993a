/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "attest/message-parts.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/log.h"
#include "ssh/sshkey.h"

const char *const part_types[] = {
	[CERTIFICATE_USER] = "user",
	[CERTIFICATE_HOST] = "host",
};

/* --- parts of lines: reading ------------------------------------------- */

int
part_fail(const char *what)
{
	return fail(FAIL_PROTOCOL,
	    "the other side does not keep to " PROTOCOL " (%s)", what);
}

/* Printable ASCII, with spaces at most inside. */
bool
part_is_text(struct slice s, size_t most)
{
	if (s.len == 0 || s.len > most || s.data[0] == ' ' ||
	    s.data[s.len - 1] == ' ')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] < ' ' || s.data[i] > '~')
			return false;
	return true;
}

bool
part_is_word(struct slice s, size_t most)
{
	return part_is_text(s, most) && memchr(s.data, ' ', s.len) == NULL;
}

bool
part_take_prefix(struct slice *line, const char *prefix)
{
	if (!slice_begins(*line, prefix))
		return false;
	line->data += strlen(prefix);
	line->len -= strlen(prefix);
	return true;
}

/* What is before the first space, or all; *line becomes what is behind it. */
struct slice
part_take_word(struct slice *line)
{
	struct slice word = { line->data, 0 };

	while (word.len < line->len && line->data[word.len] != ' ')
		word.len++;
	line->data += word.len;
	line->len -= word.len;
	(void)part_take_prefix(line, " ");
	return word;
}

int
part_read_base64(struct slice in, struct bytes *ret)
{
	int r = base64_decode(in, ret);

	return r == FAIL_ARGUMENT ? part_fail("base64") : r;
}

int
part_read_text(struct slice in, bool good, struct bytes *ret)
{
	if (!good)
		return part_fail("text");
	return bytes_set(ret, in.data, in.len);
}

int
part_read_type(struct slice word, uint32_t *ret)
{
	for (uint32_t type = CERTIFICATE_USER; type <= CERTIFICATE_HOST; type++)
		if (slice_is(word, part_types[type])) {
			*ret = type;
			return 0;
		}
	return part_fail("type");
}

int
part_read_version(struct slice line)
{
	if (slice_is(line, VERSION_LINE))
		return 0;
	if (slice_begins(line, PROTOCOL " "))
		return fail(FAIL_VERSION,
		    "the other side speaks another version of " PROTOCOL);
	return part_fail("first line");
}

/* --- parts of lines: writing ------------------------------------------- */

int
part_put(struct bytes *out, const char *text)
{
	return bytes_append(out, text, strlen(text));
}

int
part_put_base64(struct bytes *out, const char *word, struct slice content)
{
	int r;

	if ((r = part_put(out, word)) != 0 || (r = part_put(out, " ")) != 0 ||
	    (r = base64_put(out, content)) != 0)
		return r;
	return part_put(out, "\n");
}

int
part_put_text_line(struct bytes *out, const char *word, struct slice content)
{
	int r;

	if ((r = part_put(out, word)) != 0 || (r = part_put(out, " ")) != 0 ||
	    (r = bytes_append(out, content.data, content.len)) != 0)
		return r;
	return part_put(out, "\n");
}
