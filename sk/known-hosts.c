/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "home.h"
#include "known-hosts.h"

#define SYSTEM_FILE "/etc/ssh/ssh_known_hosts"
#define BLANK " \t\r\n"

/* A line is "hosts keytype base64 [comment]"; markers begin with @. */
static bool
line_has_key(char *line, const char *base64, const char **ret_hosts)
{
	char *save = NULL;
	const char *hosts = strtok_r(line, BLANK, &save);
	const char *type = strtok_r(NULL, BLANK, &save);
	const char *key = strtok_r(NULL, BLANK, &save);

	if (hosts == NULL || type == NULL || key == NULL ||
	    strchr("#@|", hosts[0]) != NULL || strcmp(key, base64) != 0)
		return false;
	*ret_hosts = hosts;
	return true;
}

static bool
find_in_stream(FILE *f, const char *base64, char ret[KNOWN_HOSTS_NAME_LEN])
{
	const char *hosts;
	bool found = false;
	char *line = NULL;
	size_t size = 0;

	while (!found && getline(&line, &size, f) != -1) {
		found = line_has_key(line, base64, &hosts);
		if (found)
			snprintf(ret, KNOWN_HOSTS_NAME_LEN, "%s", hosts);
	}
	free(line);
	return found;
}

/* Host keys are a few hundred bytes; a certificate's may be some thousand. */
#define MAX_BLOB 16384

bool
known_hosts_find_in(
    const char *path, struct slice host_key, char ret[KNOWN_HOSTS_NAME_LEN])
{
	unsigned char *base64;
	bool found = false;
	struct stat st;
	FILE *f;

	if (host_key.len == 0 || host_key.len > MAX_BLOB ||
	    (f = home_open(path, &st)) == NULL)
		return false;
	base64 = malloc(host_key.len * 4 / 3 + 5);
	if (base64 != NULL) {
		EVP_EncodeBlock(base64, host_key.data, (int)host_key.len);
		found = find_in_stream(f, (const char *)base64, ret);
	}
	free(base64);
	fclose(f);
	return found;
}

bool
known_hosts_find(struct slice host_key, char ret[KNOWN_HOSTS_NAME_LEN])
{
	char *path = home_path(".ssh/known_hosts");
	bool found = path != NULL && known_hosts_find_in(path, host_key, ret);

	free(path);
	return found || known_hosts_find_in(SYSTEM_FILE, host_key, ret);
}
