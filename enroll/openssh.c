/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "openssh.h"

#define SUFFIX ".so"

bool
openssh_ask(const char *command, const char *begins, char *ret, size_t size)
{
	FILE *f = popen(command, "re");
	bool found = false;

	while (f != NULL && !found && fgets(ret, (int)size, f) != NULL)
		found = strncasecmp(ret, begins, strlen(begins)) == 0;
	while (f != NULL && fgetc(f) != EOF)
		;
	if (f != NULL)
		pclose(f);
	if (found)
		ret[strcspn(ret, "\r\n")] = '\0';
	return found;
}

bool
openssh_find(struct openssh *ret)
{
	struct openssh found;
	unsigned int version;
	char line[256];

	if (!openssh_ask("ssh -V 2>&1", "OpenSSH_", line, sizeof(line)) ||
	    sscanf(line, "OpenSSH_%u.%u", &found.major, &found.minor) != 2)
		return false;
	version = found.major * 100 + found.minor;
	found.api = version >= 901 ? 10
	    : version >= 809	   ? 9
	    : version >= 804	   ? 7
				   : 0;
	*ret = found;
	return true;
}

const char *
openssh_library(void)
{
	static char path[sizeof(SK_TPM_LIBRARY) + sizeof("-api9")];
	const size_t stem = sizeof(SK_TPM_LIBRARY) - sizeof(SUFFIX);
	struct openssh found;

	if (!openssh_find(&found) || (found.api != 9 && found.api != 7))
		return SK_TPM_LIBRARY;
	snprintf(path, sizeof(path), "%.*s-api%u" SUFFIX, (int)stem,
	    SK_TPM_LIBRARY, found.api);
	return path;
}

char *
openssh_find_line(FILE *f, const char *word, bool *ret_open_end)
{
	char *line = NULL, *found = NULL;
	size_t size = 0;
	ssize_t n;

	*ret_open_end = false;
	while ((n = getline(&line, &size, f)) != -1) {
		*ret_open_end = n > 0 && line[n - 1] != '\n';
		if (found == NULL && line[strspn(line, " \t")] != '#' &&
		    strcasestr(line, word) != NULL)
			found = strdup(line);
	}
	free(line);
	return found;
}

bool
openssh_is_ours(const char *provider)
{
	return strstr(provider, "libsk-tpm") != NULL;
}

bool
openssh_value(const char *line, const char *word, char *ret, size_t size)
{
	const char *value = strcasestr(line, word);
	size_t len;

	if (value == NULL)
		return false;
	value += strlen(word);
	value += strspn(value, " \t=\"'");
	len = strcspn(value, " \t\"';#\r\n");
	if (len == 0 || len >= size)
		return false;
	memcpy(ret, value, len);
	ret[len] = '\0';
	return true;
}

bool
openssh_is_pattern(const char *text)
{
	return text[0] != '\0' &&
	    text[strspn(text,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789.-_:%*?![]")] == '\0';
}
