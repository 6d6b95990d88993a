/* SPDX-License-Identifier: ISC */
#include <sys/sysmacros.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/home.h"

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
