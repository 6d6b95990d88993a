/* SPDX-License-Identifier: ISC */
/*
 * The program that called us: what its command line and settings say. Words
 * from there are only guesses, until something else proves one.
 */
#ifndef SKTPM_CALLER_H
#define SKTPM_CALLER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define CALLER_WORDS_LEN 8192

/*
 * Stores words among which the server's name may be, in lower case and each
 * terminated: names and ports from the command line of the ssh that called us,
 * and from Host, HostName, HostKeyAlias and Port in ~/.ssh/config. Where an
 * agent called us, the command lines of all of this user's ssh are read.
 * Returns the number of bytes; words that do not fit are left out.
 */
size_t caller_words(char ret[CALLER_WORDS_LEN]);

/*
 * Appends what a call of ssh or ssh-keygen serves: `before`, and its command
 * line, or that of the git, scp, sftp or rsync which runs it, in quotes and cut
 * to `most` characters. Of other callers, and without /proc, nothing. It is
 * their own word: any program can have such a command line.
 */
void caller_add_command(struct text *t, const char *before, size_t most);

/*
 * Whether the text is in an argument of the process that called us, as an
 * option may be that the library is not told. False where that cannot be seen.
 */
bool caller_says(const char *option);

#endif
