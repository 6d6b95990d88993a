/* SPDX-License-Identifier: ISC */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/home.h"
#include "ssh/caller.h"

#define MOST_OF_NAME 253 /* as of DNS */

struct words {
	char *s;
	size_t len, room;
};

/* --- words ------------------------------------------------------------- */

static bool
has_word(const struct words *w, const char *word)
{
	for (size_t at = 0; at < w->len; at += strlen(w->s + at) + 1)
		if (strcmp(w->s + at, word) == 0)
			return true;
	return false;
}

static void
add_word(struct words *w, const char *s, size_t n)
{
	char *word = w->s + w->len;

	if (n == 0 || n > MOST_OF_NAME || n >= w->room - w->len)
		return;
	for (size_t i = 0; i < n; i++)
		word[i] = (char)tolower((unsigned char)s[i]);
	word[n] = '\0';
	if (!has_word(w, word))
		w->len += n + 1;
}

/* "name", "name:port", "[name]:port", an address, or an option with a port. */
static void
add_name(struct words *w, const char *s, size_t n)
{
	const char *end = s + n, *colon = memchr(s, ':', n);
	const char *close = s[0] == '[' ? memchr(s, ']', n) : NULL;
	size_t digits = 0;

	if (s[0] == '-') {
		while (isdigit((unsigned char)s[n - 1 - digits]))
			digits++;
		add_word(w, end - digits, digits);
		return;
	}
	if (close != NULL) {
		add_word(w, s + 1, (size_t)(close - s) - 1);
		colon = close + 1 < end && close[1] == ':' ? close + 1 : NULL;
	} else if (colon != NULL && memrchr(s, ':', n) != colon) {
		add_word(w, s, n); /* an IPv6 address */
		return;
	} else {
		add_word(w, s, colon != NULL ? (size_t)(colon - s) : n);
	}
	if (colon != NULL)
		add_word(w, colon + 1, (size_t)(end - colon) - 1);
}

/* Adds what is between the separators of URLs, settings, lists and quotes. */
static void
add_names(struct words *w, const char *text)
{
	static const char marks[] = " \t\r\n\"'=,/@";
	size_t n;

	for (text += strspn(text, marks); *text != '\0';
	     text += strspn(text, marks)) {
		n = strcspn(text, marks);
		add_name(w, text, n);
		text += n;
	}
}

/* --- where they are from ------------------------------------------------ */

/* A longer command line is cut; the host comes before the command. */
#define MOST_OF_COMMAND 4096

/*
 * Stores the arguments of a process of this user, the program first. Returns
 * their length; 0 without such a process, or without /proc.
 */
static size_t
read_command_of(const char *pid, char ret[MOST_OF_COMMAND])
{
	char path[64];
	struct stat st;
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/cmdline", pid);
	if ((f = home_open(path, &st)) == NULL)
		return 0;
	if (st.st_uid == geteuid())
		n = fread(ret, 1, MOST_OF_COMMAND - 1, f);
	fclose(f);
	ret[n] = '\0';
	return n;
}

static size_t
read_command(long pid, char ret[MOST_OF_COMMAND])
{
	char name[24];

	snprintf(name, sizeof(name), "%ld", pid);
	return read_command_of(name, ret);
}

/* The program's name, and behind it the arguments. */
static char *
without_folder(char *command)
{
	char *slash = strrchr(command, '/');

	return slash != NULL ? slash + 1 : command;
}

static bool
is_ssh(char *command)
{
	return strcmp(without_folder(command), "ssh") == 0;
}

static void
add_command(struct words *w, const char *command, size_t n)
{
	for (size_t at = strlen(command) + 1; at < n;
	     at += strlen(command + at) + 1)
		add_names(w, command + at);
}

/* An agent does not say which ssh asked it. */
static void
add_every_ssh(struct words *w)
{
	DIR *proc = opendir("/proc");
	char command[MOST_OF_COMMAND];
	const struct dirent *entry;
	size_t n;

	while (proc != NULL && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    (n = read_command_of(entry->d_name, command)) > 0 &&
		    is_ssh(command))
			add_command(w, command, n);
	if (proc != NULL)
		closedir(proc);
}

static bool
names_server(const char *keyword, size_t n)
{
	static const char *const keywords[] = { "host", "hostname",
		"hostkeyalias", "port" };

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strlen(keywords[i]) == n &&
		    strncasecmp(keyword, keywords[i], n) == 0)
			return true;
	return false;
}

/* From all lines, whichever hosts they are for: a name is proven later. */
static void
add_config(struct words *w)
{
	char *path = home_path(".ssh/config"), *line = NULL, *keyword;
	size_t size = 0, n;
	struct stat st;
	FILE *f = NULL;

	if (path != NULL && (f = home_open(path, &st)) != NULL) {
		while (getline(&line, &size, f) != -1) {
			keyword = line + strspn(line, " \t");
			n = strcspn(keyword, " \t=\r\n");
			if (names_server(keyword, n))
				add_names(w, keyword + n);
		}
		fclose(f);
	}
	free(line);
	free(path);
}

size_t
caller_words(char ret[CALLER_WORDS_LEN])
{
	/* A long command leaves half of it to the settings. */
	struct words w = { .s = ret, .room = CALLER_WORDS_LEN / 2 };
	char command[MOST_OF_COMMAND];
	size_t n = read_command(getppid(), command);

	if (n > 0 && is_ssh(command))
		add_command(&w, command, n);
	else
		add_every_ssh(&w);
	w.room = CALLER_WORDS_LEN;
	add_config(&w);
	return w.len;
}

/* Source: proc(5), stat, field 4; the name before it may hold anything. */
static long
parent_of(long pid)
{
	char path[64], line[512], *end = NULL;
	long parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) != NULL)
		end = strrchr(line, ')');
	if (end == NULL || sscanf(end, ") %*c %ld", &parent) != 1)
		parent = 0;
	fclose(f);
	return parent;
}

static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/*
 * Who runs a program of OpenSSH's in a person's place, directly or by a shell,
 * has the words that the person typed.
 */
static bool
read_command_above(char ret[MOST_OF_COMMAND], size_t *ret_len)
{
	static const char *const runners[] = { "git", "scp", "sftp", "rsync",
		NULL };
	long pid = getppid();
	size_t n;

	for (int i = 0; i < 2 && (pid = parent_of(pid)) > 1; i++)
		if ((n = read_command(pid, ret)) > 0 &&
		    is_one_of(without_folder(ret), runners)) {
			*ret_len = n;
			return true;
		}
	return false;
}

/* Ends each argument with a space, in place. */
static void
add_command_line(struct text *t, char *command, size_t n, size_t most)
{
	char *begin = without_folder(command);

	for (char *p = begin; p + 1 < command + n; p++)
		if (*p == '\0')
			*p = ' ';
	text_add_quoted(t, slice_of_text(begin), most);
}

void
caller_add_command(struct text *t, const char *before, size_t most)
{
	static const char *const served[] = { "ssh", "ssh-keygen", NULL };
	char own[MOST_OF_COMMAND], above[MOST_OF_COMMAND];
	size_t n = read_command(getppid(), own);

	if (n == 0 || !is_one_of(without_folder(own), served))
		return;
	text_add(t, "%s", before);
	if (read_command_above(above, &n))
		add_command_line(t, above, n, most);
	else
		add_command_line(t, own, n, most);
}

bool
caller_says(const char *option)
{
	char command[MOST_OF_COMMAND];
	size_t n = read_command(getppid(), command);

	for (size_t at = 0; at < n; at += strlen(command + at) + 1)
		if (strcasestr(command + at, option) != NULL)
			return true;
	return false;
}
