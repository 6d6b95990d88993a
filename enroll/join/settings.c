/* SPDX-License-Identifier: ISC */
#include <sys/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "join/join.h"
#include "new-file.h"
#include "openssh.h"
#include "request/conversation.h"

#define SCHEME "ssh://"
#define LOGIN "sk-tpm-ca@"
#define LOCK "/run/sk-tpm-join.lock"

void
join_reset(struct join *join)
{
	for (size_t i = 0; i < join->n_addresses; i++)
		free(join->addresses[i]);
	free(join->name);
	free(join->hosts);
	join->n_addresses = 0;
	join->name = join->hosts = NULL;
}

int
join_add_address(struct join *join, const char *address)
{
	struct bytes destination = { 0 };
	const bool has_user = strchr(address, '@') != NULL;
	char **out = &join->addresses[join->n_addresses];
	size_t len;
	int r;

	r = conversation_destination(address, &destination);
	bytes_reset(&destination);
	if (r != 0)
		return r;
	if (join->n_addresses == JOIN_ADDRESSES_MAX)
		return fail(FAIL_ARGUMENT, "too many addresses of CAs");
	len = strlen(address + strlen(SCHEME));
	if (address[strlen(SCHEME) + len - 1] == '/')
		len--;
	if (asprintf(out, SCHEME "%s%.*s", has_user ? "" : LOGIN, (int)len,
		address + strlen(SCHEME)) == -1) {
		*out = NULL;
		return fail(FAIL_MEMORY, "out of memory");
	}
	join->n_addresses++;
	return 0;
}

int
join_lock(void)
{
	int fd = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd != -1 && flock(fd, LOCK_EX) == 0
	    ? 0
	    : fail(FAIL_UNAVAILABLE, "cannot lock " LOCK ": %s",
		  strerror(errno));
}

static int
set_text(char **ret, const char *value)
{
	free(*ret);
	if ((*ret = strdup(value)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	return 0;
}

static int
read_line(struct join *join, char *line, unsigned int number)
{
	char *value = line + strcspn(line, " \t\r\n");

	if (line[0] == '\0' || line[0] == '\n' || line[0] == '#')
		return 0;
	if (*value != '\0')
		*value++ = '\0';
	value += strspn(value, " \t");
	value[strcspn(value, "\r\n")] = '\0';
	if (value[0] != '\0' && strcmp(line, "CA") == 0)
		return join_add_address(join, value);
	if (value[0] != '\0' && strcmp(line, "Name") == 0)
		return set_text(&join->name, value);
	if (strcmp(line, "Hosts") == 0 && openssh_is_pattern(value))
		return set_text(&join->hosts, value);
	if (strcmp(line, "MadeHostKey") == 0 && strcmp(value, "yes") == 0) {
		join->made_host_key = true;
		return 0;
	}
	return fail(FAIL_CONFIG,
	    JOIN_SETTINGS " line %u: there is CA ssh://..., Name NAME, Hosts "
			  "PATTERN and MadeHostKey yes",
	    number);
}

int
join_settings_read(struct join *join)
{
	unsigned int n = 0;
	char line[1024];
	struct stat st;
	FILE *f = home_open(JOIN_SETTINGS, &st);
	int r = 0;

	if (f == NULL)
		return errno == ENOENT
		    ? fail(FAIL_NOT_FOUND,
			  "this machine has joined no CA: sk-tpm join "
			  "ssh://CA")
		    : fail(FAIL_CONFIG, "cannot open " JOIN_SETTINGS ": %s",
			  strerror(errno));
	while (r == 0 && fgets(line, sizeof(line), f) != NULL)
		r = read_line(join, line, ++n);
	fclose(f);
	if (r == 0 && join->n_addresses == 0)
		r = fail(FAIL_CONFIG, JOIN_SETTINGS " has no CA");
	return r;
}

static int
add_line(struct bytes *lines, const char *word, const char *value)
{
	char *text = NULL;
	int r;

	if (value == NULL)
		return 0;
	if (asprintf(&text, "%s %s\n", word, value) == -1)
		return fail(FAIL_MEMORY, "out of memory");
	r = bytes_append(lines, text, strlen(text));
	free(text);
	return r;
}

int
join_settings_write(struct join *join)
{
	static const char made[] = "MadeHostKey yes\n";
	struct bytes lines = { 0 };
	int r = 0;

	for (size_t i = 0; i < join->n_addresses && r == 0; i++)
		if ((r = bytes_append(&lines, "CA ", 3)) == 0 &&
		    (r = bytes_append(&lines, join->addresses[i],
			 strlen(join->addresses[i]))) == 0)
			r = bytes_append(&lines, "\n", 1);
	if (r == 0)
		r = add_line(&lines, "Name", join->name);
	if (r == 0)
		r = add_line(&lines, "Hosts", join->hosts);
	if (r == 0 && join->made_host_key)
		r = bytes_append(&lines, made, sizeof(made) - 1);
	if (r == 0)
		r = join_put_file(join, JOIN_SETTINGS, &lines);
	bytes_reset(&lines);
	return r;
}
