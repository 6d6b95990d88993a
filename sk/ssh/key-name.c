/* SPDX-License-Identifier: ISC */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/home.h"
#include "ssh/key-name.h"
#include "ssh/sshkey.h"

#define SUFFIX ".pub"
#define MOST 64

/* Its first line is "type base64 comment". */
static bool
file_has_key(const char *dir, const char *name, struct slice base64)
{
	char *path = NULL, *line = NULL, *save = NULL;
	const char *key = NULL;
	struct stat st;
	size_t size = 0;
	FILE *f = NULL;
	bool found;

	if (asprintf(&path, "%s/%s", dir, name) != -1)
		f = home_open(path, &st);
	if (f != NULL && getline(&line, &size, f) != -1 &&
	    strtok_r(line, " \t\r\n", &save) != NULL)
		key = strtok_r(NULL, " \t\r\n", &save);
	found = key != NULL && slice_is(base64, key);
	if (f != NULL)
		fclose(f);
	free(line);
	free(path);
	return found;
}

/* The name in a new string, or NULL. */
static char *
find_in(const char *path, struct slice base64)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	char *found = NULL;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;
		size_t len = strlen(name), end = strlen(SUFFIX);

		if (len <= end || strcmp(name + len - end, SUFFIX) != 0 ||
		    (found != NULL && strncmp(name, found, len - end) >= 0) ||
		    !file_has_key(path, name, base64))
			continue;
		free(found);
		found = strndup(name, len - end);
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

void
key_name_add_fingerprint(
    struct text *t, const struct ec_point *point, const char *application)
{
	struct bytes blob = { 0 };
	uint8_t digest[SHA256_LEN];

	if (sshkey_put_ours(&blob, point, application) == 0 &&
	    sha256(bytes_slice(&blob), digest) == 0)
		text_add_fingerprint(t, digest);
	bytes_reset(&blob);
}

bool
key_name_add_file(struct text *t, const char *before,
    const struct ec_point *point, const char *application)
{
	char *dir = home_path(".ssh"), *name = NULL;
	struct bytes blob = { 0 }, base64 = { 0 };
	bool found;

	if (dir != NULL && sshkey_put_ours(&blob, point, application) == 0 &&
	    base64_put(&base64, bytes_slice(&blob)) == 0)
		name = find_in(dir, bytes_slice(&base64));
	if ((found = name != NULL)) {
		text_add(t, "%s", before);
		text_add_quoted(t, slice_of_text(name), MOST);
	}
	free(name);
	free(dir);
	bytes_reset(&blob);
	bytes_reset(&base64);
	return found;
}

void
key_name_add(
    struct text *t, const struct ec_point *point, const char *application)
{
	if (!key_name_add_file(t, "", point, application))
		key_name_add_fingerprint(t, point, application);
}
