/* SPDX-License-Identifier: ISC */
/*
 * What the fuzzers begin with: messages and key handles that were recorded, see
 * tests/fuzz/record-requests and record-tpm. Run from the top.
 */
#ifndef SKTPM_CORPUS_H
#define SKTPM_CORPUS_H

#include "base/bytes.h"

static inline struct slice
corpus_read_of(const char *target, const char *name)
{
	static uint8_t buf[65536];
	char path[256];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "tests/fuzz/corpus/%s/%s", target, name);
	f = fopen(path, "r");
	if (f == NULL)
		FAIL_MSG("cannot open %s", path);
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	return (struct slice){ buf, n };
}

static inline struct slice
corpus_read(const char *name)
{
	return corpus_read_of("request", name);
}

#endif
