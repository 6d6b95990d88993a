/* SPDX-License-Identifier: ISC */
/*
 * The examples in bytes of PROTOCOL.md, in the directory that tests run in: a
 * block "```hex NAME" of lines "xx xx ... # comment", and what follows it as
 * "B = `64 hex digits`".
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include "unit.h"

#include "base/bytes.h"

/* Appends the bytes to *ret; ret_b may be NULL. */
static inline void
protocol_example(const char *name, struct bytes *ret, char ret_b[65])
{
	char line[256], begin[64];
	FILE *f = fopen("PROTOCOL.md", "r");
	bool inside = false, done = false;

	assert_non_null(f);
	snprintf(begin, sizeof(begin), "```hex %s\n", name);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (done && ret_b != NULL &&
		    sscanf(line, "B = `%64[0-9a-f]`", ret_b) == 1)
			break;
		if (inside && strcmp(line, "```\n") == 0)
			done = true;
		inside = !done && (inside || strcmp(line, begin) == 0);
		if (!inside || strcmp(line, begin) == 0)
			continue;
		line[strcspn(line, "#")] = '\0';
		for (char *at = line, *end;; at = end) {
			uint8_t byte = (uint8_t)strtoul(at, &end, 16);

			if (end == at)
				break;
			assert_int_equal(bytes_append(ret, &byte, 1), 0);
		}
	}
	fclose(f);
	assert_true(done);
}

#endif
