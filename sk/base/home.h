/* SPDX-License-Identifier: ISC */
/* Where the person's own files are. */
#ifndef SKTPM_HOME_H
#define SKTPM_HOME_H

#include <sys/stat.h>

#include <stdio.h>

#include "base/bytes.h"

/*
 * "HOME/name" in a new string, or NULL where there is no home or no memory.
 * HOME comes from the environment, but for root and for setuid callers from
 * the password database: whoever set their environment shall not choose it.
 */
char *home_path(const char *name) MUST_CHECK;

/*
 * Opens a regular file, or /dev/null, to read; never waits for one as for a
 * pipe. NULL with errno set; EINVAL for what is neither. `ret` is its status.
 */
FILE *home_open(const char *path, struct stat *ret) MUST_CHECK;

#endif
