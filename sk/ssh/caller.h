/* SPDX-License-Identifier: ISC */
/*
 * What ssh was called with: words among which a server's name may be. They
 * come from anybody, and are worth nothing until something else proves one.
 */
#ifndef SKTPM_CALLER_H
#define SKTPM_CALLER_H

#include <stdbool.h>
#include <stddef.h>

#define CALLER_WORDS_LEN 8192

/*
 * Stores words in lower case, each of them terminated: names and numbers of
 * ports from the command line of the ssh that called us; where that was not
 * ssh, but its agent, from those of all of this user's; and from Host,
 * HostName, HostKeyAlias and Port in ~/.ssh/config. How many bytes there are;
 * what has no room is left out.
 */
size_t caller_words(char ret[CALLER_WORDS_LEN]);

/*
 * Whether the text is in an argument of the process that called us, such as an
 * option of which the library is not told. False where that cannot be seen.
 */
bool caller_says(const char *option);

#endif
