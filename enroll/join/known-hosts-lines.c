/* SPDX-License-Identifier: ISC */
/* Lines of ours in the system's known hosts end in a mark; all others stay. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "join/join.h"
#include "new-file.h"

#define MARK " sk-tpm-join"
#define PATTERN "*"

static bool
is_ours(const char *line)
{
	size_t n = strlen(line), m = strlen(MARK);

	return n > m && strcmp(line + n - m, MARK) == 0 &&
	    strncmp(line, "@cert-authority ", 16) == 0;
}

static int
add(struct bytes *out, const char *a, const char *b, const char *c)
{
	int r;

	if ((r = bytes_append(out, a, strlen(a))) != 0 ||
	    (r = bytes_append(out, b, strlen(b))) != 0)
		return r;
	return bytes_append(out, c, strlen(c));
}

/* All lines but ours; the hosts of ours, which somebody may have narrowed. */
static int
read_others(struct bytes *out, struct bytes *all, char **ret_pattern)
{
	char *line = NULL;
	size_t size = 0;
	FILE *f = fopen(JOIN_KNOWN_HOSTS, "re");
	int r = 0;

	if (f == NULL)
		return errno == ENOENT ? 0
				       : file_fail("open", JOIN_KNOWN_HOSTS);
	while (r == 0 && getline(&line, &size, f) != -1) {
		char *rest = line;

		if ((r = bytes_append(all, line, strlen(line))) != 0)
			break;
		line[strcspn(line, "\n")] = '\0';
		if (!is_ours(line)) {
			r = add(out, line, "\n", "");
			continue;
		}
		strsep(&rest, " ");
		free(*ret_pattern);
		*ret_pattern = strdup(rest != NULL ? strsep(&rest, " ") : "*");
	}
	free(line);
	fclose(f);
	return r;
}

/* Somebody's own line for the same key will do. */
static bool
has_already(const struct bytes *others, const char *key)
{
	char *text = strndup(
	    others->len > 0 ? (const char *)others->data : "", others->len);
	char *rest = text, *line;
	bool has = false;

	while (!has && (line = strsep(&rest, "\n")) != NULL)
		has = strncmp(line, "@cert-authority ", 16) == 0 &&
		    strstr(line, key) != NULL;
	free(text);
	return has;
}

/* A file without a line is as good as none. */
static int
put(const struct bytes *lines)
{
	if (lines->len > 0)
		return new_file_write(
		    JOIN_KNOWN_HOSTS, lines, 0644, REPLACE_EXISTING);
	return unlink(JOIN_KNOWN_HOSTS) == 0
	    ? 0
	    : file_fail("remove", JOIN_KNOWN_HOSTS);
}

int
join_put_known_hosts(struct join *join, const struct bytes *keys)
{
	const char *hosts = join->hosts;
	struct bytes lines = { 0 }, others = { 0 }, before = { 0 };
	char *pattern = NULL, *text = NULL, *rest, *key;
	int r;

	if ((r = read_others(&others, &before, &pattern)) != 0 ||
	    (others.len > 0 &&
		(r = bytes_set(&lines, others.data, others.len)) != 0))
		goto out;
	if (keys != NULL) {
		text = strndup((const char *)keys->data, keys->len);
		if (text == NULL)
			r = fail(FAIL_MEMORY, "out of memory");
		rest = text;
		while (r == 0 && (key = strsep(&rest, "\n")) != NULL) {
			if (key[0] == '\0' || has_already(&others, key))
				continue;
			if ((r = add(&lines, "@cert-authority ",
				 hosts != NULL	       ? hosts
				     : pattern != NULL ? pattern
						       : PATTERN,
				 " ")) == 0)
				r = add(&lines, key, MARK, "\n");
		}
	}
	if (r == 0 && !slice_equal(bytes_slice(&lines), bytes_slice(&before)) &&
	    join_step(join,
		keys != NULL ? "Trusting the CA in" : "Removing the CA from",
		JOIN_KNOWN_HOSTS))
		r = put(&lines);
out:
	free(text);
	free(pattern);
	bytes_reset(&lines);
	bytes_reset(&others);
	bytes_reset(&before);
	return r;
}
