/* SPDX-License-Identifier: ISC */
#include <sys/sysmacros.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/home.h"
#include "base/log.h"

char *
home_path(const char *name)
{
	const char *home = geteuid() == 0 ? NULL : secure_getenv("HOME");
	const struct passwd *pw;
	char *path = NULL;

	if ((home == NULL || home[0] == '\0') &&
	    (pw = getpwuid(geteuid())) != NULL)
		home = pw->pw_dir;
	if (home == NULL || home[0] != '/' ||
	    asprintf(&path, "%s/%s", home, name) == -1)
		return NULL;
	return path;
}

FILE *
home_open(const char *path, struct stat *ret)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	FILE *f = NULL;

	if (fd == -1)
		return NULL;
	if (fstat(fd, ret) == 0) {
		if (S_ISREG(ret->st_mode) ||
		    (S_ISCHR(ret->st_mode) && ret->st_rdev == makedev(1, 3)))
			f = fdopen(fd, "r");
		else
			errno = EINVAL;
	}
	if (f == NULL)
		close(fd);
	return f;
}

int
home_read(const char *path, size_t most, struct bytes *ret)
{
	uint8_t buf[8192];
	struct stat st;
	FILE *f = home_open(path, &st);
	size_t n;
	int r = 0;

	bytes_reset(ret);
	if (f == NULL)
		return fail(FAIL_UNAVAILABLE, "cannot read %.200s: %s", path,
		    strerror(errno));
	while (r == 0 && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		r = ret->len + n > most
		    ? fail(FAIL_UNAVAILABLE, "%.200s is too long", path)
		    : bytes_append(ret, buf, n);
	if (r == 0 && ferror(f))
		r = fail(FAIL_UNAVAILABLE, "cannot read %.200s: %s", path,
		    strerror(errno));
	fclose(f);
	return r;
}
