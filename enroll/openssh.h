/* SPDX-License-Identifier: ISC */
/* The installed OpenSSH, and which of our libraries it takes. */
#ifndef SKTPM_OPENSSH_H
#define SKTPM_OPENSSH_H

#include <stdbool.h>
#include <stdio.h>

struct openssh {
	unsigned int major, minor;
	unsigned int api; /* its interface's major; 0: too old */
};

/* Asks `ssh -V`. False if that does not answer. */
bool openssh_find(struct openssh *ret);

/*
 * The path of our library for this OpenSSH; the newest library if none answers.
 */
const char *openssh_library(void);

/*
 * Finds the first line of a command's output that begins with `begins`, in
 * upper or lower case. *ret has no newline. False if there is no such line.
 */
bool openssh_ask(
    const char *command, const char *begins, char *ret, size_t size);

/*
 * Finds the first line of a configuration file that has the word, in upper or
 * lower case, and is no comment. Returns NULL if there is none; the caller
 * frees it. *ret_open_end is true if the file does not end in a newline. Reads
 * to the end of the file.
 */
char *openssh_find_line(FILE *f, const char *word, bool *ret_open_end);

/* True if the line, or the path of a provider, names a library of ours. */
bool openssh_is_ours(const char *provider);

/*
 * The value that such a line sets, in ssh's files and in those of shells. False
 * if there is none, or it does not fit.
 */
bool openssh_value(const char *line, const char *word, char *ret, size_t size);

/* Whether it is one host's name or address, with wildcards, as in known_hosts.
 */
bool openssh_is_pattern(const char *text);

#endif
