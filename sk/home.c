/* SPDX-License-Identifier: ISC */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "home.h"

char *
home_path(const char *name)
{
	const char *home = geteuid() == 0 ? NULL : secure_getenv("HOME");
	const struct passwd *pw;
	char *path = NULL;

	if (home == NULL && (pw = getpwuid(geteuid())) != NULL)
		home = pw->pw_dir;
	if (home == NULL || home[0] != '/' ||
	    asprintf(&path, "%s/%s", home, name) == -1)
		return NULL;
	return path;
}
