/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/home.h"
#include "ssh/caller.h"
#include "ssh/known-hosts.h"

#define SYSTEM_FILE "/etc/ssh/ssh_known_hosts"
#define BLANK " \t\r\n"

/* --- hashed names: "|1|salt|hash", as OpenSSH's hostfile.c writes them --- */

#define HASH_LEN 20 /* of SHA-1, and of the salt */

struct hashed_name {
	uint8_t salt[HASH_LEN];
	const char *hash; /* in base64 */
};

static bool
parse_hashed_name(const char *field, struct hashed_name *ret)
{
	static const char magic[] = "|1|";
	const size_t len = BASE64_LEN(HASH_LEN);
	const char *text = field + strlen(magic);
	struct bytes salt = { 0 };
	bool ok;

	if (strncmp(field, magic, strlen(magic)) != 0 ||
	    strlen(text) != len + 1 + len || text[len] != '|')
		return false;
	ok = base64_decode(
		 (struct slice){ (const uint8_t *)text, len }, &salt) == 0 &&
	    salt.len == HASH_LEN;
	if (ok) {
		memcpy(ret->salt, salt.data, HASH_LEN);
		ret->hash = text + len + 1;
	}
	bytes_reset(&salt);
	return ok;
}

static bool
has_hash(const char *name, const struct hashed_name *hashed)
{
	char base64[BASE64_LEN(HASH_LEN) + 1];
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (HMAC(EVP_sha1(), hashed->salt, HASH_LEN, (const uint8_t *)name,
		strlen(name), digest, NULL) == NULL)
		return false;
	base64_encode((struct slice){ digest, HASH_LEN }, base64);
	return strcmp(base64, hashed->hash) == 0;
}

/* Tries each word, and each with each port. */
static bool
find_word(struct slice words, const struct hashed_name *hashed,
    char ret[KNOWN_HOSTS_NAME_LEN])
{
	const char *start = (const char *)words.data, *end = start + words.len;
	char name[KNOWN_HOSTS_NAME_LEN];

	for (const char *w = start; w < end; w += strlen(w) + 1) {
		if (has_hash(w, hashed)) {
			snprintf(ret, KNOWN_HOSTS_NAME_LEN, "%s", w);
			return true;
		}
		for (const char *p = start; p < end; p += strlen(p) + 1) {
			if (strlen(p) > 5 || p[strspn(p, "0123456789")] != '\0')
				continue; /* not a port */
			snprintf(name, sizeof(name), "[%s]:%s", w, p);
			if (has_hash(name, hashed)) {
				memcpy(ret, name, sizeof(name));
				return true;
			}
		}
	}
	return false;
}

/* --- lines ------------------------------------------------------------- */

/* A line is "hosts keytype base64 [comment]"; markers begin with @. */
static bool
line_has_key(char *line, struct slice base64, const char **ret_hosts)
{
	char *save = NULL;
	const char *hosts = strtok_r(line, BLANK, &save);
	const char *type = strtok_r(NULL, BLANK, &save);
	const char *key = strtok_r(NULL, BLANK, &save);

	if (hosts == NULL || type == NULL || key == NULL ||
	    strchr("#@", hosts[0]) != NULL || !slice_is(base64, key))
		return false;
	*ret_hosts = hosts;
	return true;
}

static enum known_host
find_in_stream(FILE *f, struct slice base64, struct slice words,
    char ret[KNOWN_HOSTS_NAME_LEN])
{
	enum known_host found = KNOWN_HOST_NOT;
	struct hashed_name hashed;
	const char *hosts;
	char *line = NULL;
	size_t size = 0;

	while (found != KNOWN_HOST_NAMED && getline(&line, &size, f) != -1) {
		if (!line_has_key(line, base64, &hosts))
			continue;
		if (hosts[0] != '|') {
			snprintf(ret, KNOWN_HOSTS_NAME_LEN, "%s", hosts);
			found = KNOWN_HOST_NAMED;
		} else if (parse_hashed_name(hosts, &hashed)) {
			found = find_word(words, &hashed, ret)
			    ? KNOWN_HOST_NAMED
			    : KNOWN_HOST_HASHED;
		}
	}
	free(line);
	return found;
}

/* Host keys are a few hundred bytes; a certificate's may be some thousand. */
#define MAX_BLOB 16384

enum known_host
known_hosts_find_in(const char *path, struct slice host_key, struct slice words,
    char ret[KNOWN_HOSTS_NAME_LEN])
{
	enum known_host found = KNOWN_HOST_NOT;
	struct bytes base64 = { 0 };
	struct stat st;
	FILE *f;

	if (host_key.len == 0 || host_key.len > MAX_BLOB ||
	    (f = home_open(path, &st)) == NULL)
		return KNOWN_HOST_NOT;
	if (base64_put(&base64, host_key) == 0)
		found = find_in_stream(f, bytes_slice(&base64), words, ret);
	bytes_reset(&base64);
	fclose(f);
	return found;
}

static enum known_host
find_in_both(const char *own, struct slice host_key, struct slice words,
    char ret[KNOWN_HOSTS_NAME_LEN])
{
	enum known_host first = KNOWN_HOST_NOT, second;

	if (own != NULL)
		first = known_hosts_find_in(own, host_key, words, ret);
	if (first == KNOWN_HOST_NAMED)
		return first;
	second = known_hosts_find_in(SYSTEM_FILE, host_key, words, ret);
	return second != KNOWN_HOST_NOT ? second : first;
}

bool
known_hosts_find(struct slice host_key, char ret[KNOWN_HOSTS_NAME_LEN])
{
	char *own = home_path(".ssh/known_hosts"), words[CALLER_WORDS_LEN];
	struct slice tried = { (const uint8_t *)words, 0 };
	enum known_host found = find_in_both(own, host_key, tried, ret);

	if (found == KNOWN_HOST_HASHED) {
		tried.len = caller_words(words);
		found = find_in_both(own, host_key, tried, ret);
	}
	free(own);
	return found == KNOWN_HOST_NAMED;
}
