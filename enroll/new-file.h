/* SPDX-License-Identifier: ISC */
/* Files that a command writes: whole or not at all. */
#ifndef SKTPM_NEW_FILE_H
#define SKTPM_NEW_FILE_H

#include "base/bytes.h"

/* What becomes of a file that has the name already. */
enum existing_file {
	KEEP_EXISTING, /* the new one is not written */
	REPLACE_EXISTING,
};

/*
 * Whether PATH can be written, before anything is made for it. 0;
 * FAIL_ARGUMENT where its directory is not there or not writable, where it is
 * a directory, or where it exists and is kept; FAIL_MEMORY.
 */
int new_file_check(const char *path, enum existing_file existing) MUST_CHECK;

/*
 * Writes PATH. A file that root replaces keeps its owner. 0, FAIL_ARGUMENT or
 * FAIL_MEMORY.
 */
int new_file_write(const char *path, const struct bytes *data,
    unsigned int mode, enum existing_file existing) MUST_CHECK;

/*
 * Whether both paths name one file, which need not be there. 0 or
 * FAIL_MEMORY.
 */
int new_file_is_same(const char *a, const char *b, bool *ret) MUST_CHECK;

/* Fails with FAIL_ARGUMENT: "cannot DO PATH", and errno in words. */
int file_fail(const char *what, const char *path) MUST_CHECK;

#endif
