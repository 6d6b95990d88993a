/* SPDX-License-Identifier: ISC */
/*
 * A directory for one run of ssh-keygen, which reads and writes files alone. It
 * is nobody else's, below RuntimeDirectory of sk-tpm-ca.conf.
 */
#ifndef SKTPM_CA_WORKDIR_H
#define SKTPM_CA_WORKDIR_H

#include "base/bytes.h"
#include "ca/settings.h"

struct workdir {
	char *path;
	char *file[8]; /* paths of files in it, for workdir_path */
	size_t n;
};

/*
 * Makes RuntimeDirectory, where systemd has not done so. 0 or FAIL_UNAVAILABLE.
 */
int runtime_make(const struct settings *settings) MUST_CHECK;

/*
 * The caller ends *ret with workdir_remove, on failure too. 0; FAIL_UNAVAILABLE
 * where there can be no directory; FAIL_MEMORY.
 */
int workdir_make(
    const struct settings *settings, struct workdir *ret) MUST_CHECK;

/* The path of a file in it, there or not; borrowed. NULL without memory. */
const char *workdir_path(struct workdir *dir, const char *name) MUST_CHECK;

/* 0, FAIL_UNAVAILABLE or FAIL_MEMORY. */
int file_write_new(const char *path, struct slice content) MUST_CHECK;

/* With all files in it. */
void workdir_remove(struct workdir *dir);

#endif
