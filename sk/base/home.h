/* SPDX-License-Identifier: ISC */
/* The user's own files. */
#ifndef SKTPM_HOME_H
#define SKTPM_HOME_H

#include <sys/stat.h>

#include <stdio.h>

#include "base/bytes.h"

/*
 * "HOME/name" in a new string, or NULL where there is no home or no memory.
 * HOME comes from the environment. For root and in set-user-ID programs it
 * comes from the password database, as somebody else may have set their
 * environment.
 */
char *home_path(const char *name) MUST_CHECK;

/*
 * Opens a regular file, or /dev/null, to read, and never blocks as on a pipe.
 * NULL with errno set; EINVAL for any other kind of file. *ret is its status.
 */
FILE *home_open(const char *path, struct stat *ret) MUST_CHECK;

/*
 * Reads all of such a file, at most `most` bytes, in place of what *ret had. 0;
 * FAIL_UNAVAILABLE where it cannot be read or is longer; FAIL_MEMORY. *ret is
 * the caller's to reset, on failure too.
 */
int home_read(const char *path, size_t most, struct bytes *ret) MUST_CHECK;

#endif
