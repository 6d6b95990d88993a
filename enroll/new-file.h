/* SPDX-License-Identifier: ISC */
/* Writes files whole or not at all. */
#ifndef SKTPM_NEW_FILE_H
#define SKTPM_NEW_FILE_H

#include "base/bytes.h"

/* What to do with an existing file of the same name. */
enum existing_file {
	KEEP_EXISTING, /* and write nothing */
	REPLACE_EXISTING,
};

/*
 * Checks that PATH can be written, before anything is made for it. 0;
 * FAIL_ARGUMENT if its directory is missing or not writable, if it is a
 * directory, or if it exists and is kept; FAIL_MEMORY.
 */
int new_file_check(const char *path, enum existing_file existing) MUST_CHECK;

/*
 * Writes PATH. A file that root replaces keeps its owner. 0, FAIL_ARGUMENT or
 * FAIL_MEMORY.
 */
int new_file_write(const char *path, const struct bytes *data,
    unsigned int mode, enum existing_file existing) MUST_CHECK;

/*
 * Tells if both paths name the same file, which may be missing. 0 or
 * FAIL_MEMORY.
 */
int new_file_is_same(const char *a, const char *b, bool *ret) MUST_CHECK;

/* Fails with FAIL_ARGUMENT: "cannot DO PATH", and errno in words. */
int file_fail(const char *what, const char *path) MUST_CHECK;

#endif
