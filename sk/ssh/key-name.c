/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/home.h"
#include "ssh/key-name.h"
#include "base/wire.h"

#define SUFFIX ".pub"
#define MOST 64

/* As PROTOCOL.u2f of OpenSSH has it. */
static int
make_blob(
    const struct ec_point *point, const char *application, struct bytes *ret)
{
	uint8_t encoded[P256_POINT_LEN];
	int r;

	p256_encode_point(point, encoded);
	if ((r = wire_put_text(ret, "sk-ecdsa-sha2-nistp256@openssh.com")) !=
		0 ||
	    (r = wire_put_text(ret, "nistp256")) != 0 ||
	    (r = wire_put_string(
		 ret, (struct slice){ encoded, sizeof(encoded) })) != 0)
		return r;
	return wire_put_text(ret, application);
}

/* Its first line is "type base64 comment". */
static bool
file_has_key(const char *dir, const char *name, const char *base64)
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
	found = key != NULL && strcmp(key, base64) == 0;
	if (f != NULL)
		fclose(f);
	free(line);
	free(path);
	return found;
}

/* The name in a new string, or NULL. */
static char *
find_in(const char *path, const char *base64)
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

static char *
find_name(struct slice blob)
{
	unsigned char *base64 = malloc(blob.len * 4 / 3 + 5);
	char *dir = home_path(".ssh"), *found = NULL;

	if (base64 != NULL && dir != NULL) {
		EVP_EncodeBlock(base64, blob.data, (int)blob.len);
		found = find_in(dir, (const char *)base64);
	}
	free(base64);
	free(dir);
	return found;
}

void
key_name_add(
    struct text *t, const struct ec_point *point, const char *application)
{
	struct bytes blob = { 0 };
	uint8_t digest[32];
	char *name = NULL;

	if (make_blob(point, application, &blob) == 0 &&
	    (name = find_name(bytes_slice(&blob))) != NULL)
		text_add_quoted(t,
		    (struct slice){ (const uint8_t *)name, strlen(name) },
		    MOST);
	else if (sha256(bytes_slice(&blob), digest) == 0)
		text_add_fingerprint(t, digest);
	free(name);
	bytes_reset(&blob);
}
