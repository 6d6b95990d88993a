/* SPDX-License-Identifier: ISC */
/* Which OpenSSH is here, and which of our libraries it takes. */
#ifndef SKTPM_OPENSSH_H
#define SKTPM_OPENSSH_H

#include <stdbool.h>
#include <stdio.h>

struct openssh {
	unsigned int major, minor;
	unsigned int api; /* its interface's major; 0: older than any known */
};

/* As `ssh -V` tells. False where that does not answer. */
bool openssh_find(struct openssh *ret);

/*
 * The path of our library for this machine's OpenSSH; today's library where
 * none answers.
 */
const char *openssh_library(void);

/*
 * The first line of a command's output that begins so (in whatever case),
 * without its newline. False where there is none.
 */
bool openssh_ask(
    const char *command, const char *begins, char *ret, size_t size);

/*
 * The first line of a configuration file that has the word (in whatever case)
 * and is no comment, or NULL; the caller frees it. *ret_open_end tells if the
 * last line of the file has no end. Reads to the end of the file.
 */
char *openssh_find_line(FILE *f, const char *word, bool *ret_open_end);

/* True where the line, or the path of a provider, names a library of ours. */
bool openssh_is_ours(const char *provider);

/*
 * What such a line sets the word to, for a configuration file of ssh's and of
 * shells alike. False where that is nothing, or more than fits.
 */
bool openssh_value(const char *line, const char *word, char *ret, size_t size);

#endif
