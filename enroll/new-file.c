/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "new-file.h"

int
file_fail(const char *what, const char *path)
{
	return fail(
	    FAIL_ARGUMENT, "cannot %s %s: %s", what, path, strerror(errno));
}

static int
fail_exists(const char *path)
{
	return fail(FAIL_ARGUMENT,
	    "%s exists already; name another file, or replace it with --force",
	    path);
}

int
new_file_check(const char *path, enum existing_file existing)
{
	char *copy = strdup(path);
	struct stat st;
	int r = 0;

	if (copy == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	if (path[0] == '\0')
		r = fail(FAIL_ARGUMENT, "the file has no name");
	else if (access(dirname(copy), W_OK | X_OK) != 0)
		r = file_fail("write into the directory of", path);
	else if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		r = fail(FAIL_ARGUMENT, "%s is a directory", path);
	else if (existing == KEEP_EXISTING && lstat(path, &st) == 0)
		r = fail_exists(path);
	free(copy);
	return r;
}

int
new_file_is_same(const char *a, const char *b, bool *ret)
{
	char *first = strdup(a), *second = strdup(b);
	struct stat da, db;
	int r = 0;

	if (first == NULL || second == NULL)
		r = fail(FAIL_MEMORY, "out of memory");
	else if ((*ret = strcmp(basename(first), basename(second)) == 0))
		*ret = stat(dirname(first), &da) == 0 &&
		    stat(dirname(second), &db) == 0 && da.st_dev == db.st_dev &&
		    da.st_ino == db.st_ino;
	free(first);
	free(second);
	return r;
}

static int
write_and_sync(int fd, const struct bytes *data, const char *path)
{
	size_t at = 0;
	ssize_t n;

	while (at < data->len) {
		n = write(fd, data->data + at, data->len - at);
		if (n <= 0)
			return file_fail("write", path);
		at += (size_t)n;
	}
	if (fsync(fd) != 0)
		return file_fail("write", path);
	return 0;
}

/* A file that root replaces keeps its owner. */
static int
keep_owner(int fd, const char *path)
{
	struct stat st;

	if (geteuid() != 0 || lstat(path, &st) != 0)
		return 0;
	return fchown(fd, st.st_uid, st.st_gid) == 0
	    ? 0
	    : file_fail("keep the owner of", path);
}

/* rename(2) replaces an existing file, and link(2) does not. */
static int
put_in_place(
    const char *temporary, const char *path, enum existing_file existing)
{
	if (existing == REPLACE_EXISTING)
		return rename(temporary, path) == 0
		    ? 0
		    : file_fail("replace", path);
	if (link(temporary, path) == 0)
		return 0;
	if (errno == EEXIST)
		return fail_exists(path);
	return file_fail("make", path);
}

int
new_file_write(const char *path, const struct bytes *data, unsigned int mode,
    enum existing_file existing)
{
	char *temporary = NULL;
	int fd, r;

	if (asprintf(&temporary, "%s.XXXXXX", path) == -1)
		return fail(FAIL_MEMORY, "out of memory");
	if ((fd = mkostemp(temporary, O_CLOEXEC)) == -1) {
		r = file_fail("make a file beside", path);
		free(temporary);
		return r;
	}
	if (fchmod(fd, mode) != 0)
		r = file_fail("set the mode of", path);
	else if ((r = keep_owner(fd, path)) == 0)
		r = write_and_sync(fd, data, path);
	close(fd);
	if (r == 0)
		r = put_in_place(temporary, path, existing);
	unlink(temporary); /* it is gone already if it was renamed */
	free(temporary);
	return r;
}
