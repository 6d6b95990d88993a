/* SPDX-License-Identifier: ISC */
/*
 * The examples in bytes of PROTOCOL.md, in the directory that tests run in: a
 * block "```hex NAME" of lines "xx xx ... # comment", and lines behind it as
 * "B = `64 hex digits`".
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include "unit.h"

#include "base/bytes.h"

/* The page from behind the beginning of the block; the caller closes it. */
static inline FILE *
protocol_open_of(const char *kind, const char *name)
{
	char line[4096], begin[64];
	FILE *f = fopen("PROTOCOL.md", "r");

	assert_non_null(f);
	snprintf(begin, sizeof(begin), "```%s %s\n", kind, name);
	do
		assert_non_null(fgets(line, sizeof(line), f));
	while (strcmp(line, begin) != 0);
	return f;
}

static inline FILE *
protocol_open(const char *name)
{
	return protocol_open_of("hex", name);
}

/* Appends the lines of a block "```text NAME" to *ret. */
static inline void
protocol_text(const char *name, struct bytes *ret)
{
	FILE *f = protocol_open_of("text", name);
	char line[4096];

	for (;;) {
		assert_non_null(fgets(line, sizeof(line), f));
		if (strcmp(line, "```\n") == 0)
			break;
		assert_int_equal(bytes_append(ret, line, strlen(line)), 0);
	}
	fclose(f);
}

/* Appends the bytes to *ret. */
static inline void
protocol_example(const char *name, struct bytes *ret)
{
	FILE *f = protocol_open(name);
	char line[256];

	for (;;) {
		assert_non_null(fgets(line, sizeof(line), f));
		if (strcmp(line, "```\n") == 0)
			break;
		line[strcspn(line, "#")] = '\0';
		for (char *at = line, *end;; at = end) {
			uint8_t byte = (uint8_t)strtoul(at, &end, 16);

			if (end == at)
				break;
			assert_int_equal(bytes_append(ret, &byte, 1), 0);
		}
	}
	fclose(f);
}

/* What the page says behind it that `what` is, in hex. */
static inline void
protocol_value(const char *name, const char *what, char ret[65])
{
	FILE *f = protocol_open(name);
	char line[256], format[64];

	snprintf(format, sizeof(format), "%s = `", what);
	do
		assert_non_null(fgets(line, sizeof(line), f));
	while (strncmp(line, format, strlen(format)) != 0);
	snprintf(ret, 65, "%.64s", line + strlen(format));
	fclose(f);
}

#endif
