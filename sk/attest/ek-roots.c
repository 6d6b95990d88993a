/* SPDX-License-Identifier: ISC */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attest/ek-chain.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"

#define FILE_MAX (4u * 1024 * 1024)

static int
add_file(struct ek_roots *roots, const char *path)
{
	struct bytes pem = { 0 };
	int r;

	if ((r = home_read(path, FILE_MAX, &pem)) == 0)
		r = ek_roots_add(roots, bytes_slice(&pem), EK_MARKED);
	bytes_reset(&pem);
	return r;
}

/* Each file has to be one: a typing error is not to go unseen. */
static int
add_directory(struct ek_roots *roots, DIR *d, const char *path)
{
	struct dirent *entry;
	char file[4096];
	int r = 0;

	while (r == 0 && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		r = add_file(roots, file);
	}
	return r;
}

int
ek_roots_read(const char *path, struct ek_roots **ret)
{
	DIR *d;
	int r;

	if ((r = ek_roots_new(ret)) != 0 || path == NULL)
		return r;
	if ((d = opendir(path)) == NULL)
		return errno == ENOTDIR
		    ? add_file(*ret, path)
		    : fail(FAIL_UNAVAILABLE,
			  "cannot read EndorsementRoots %.200s: %s", path,
			  strerror(errno));
	r = add_directory(*ret, d, path);
	closedir(d);
	return r;
}
