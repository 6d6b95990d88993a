/* SPDX-License-Identifier: ISC */
/*
 * The controlling terminal, where a person may be. stdin and stdout of
 * ssh-sk-helper are /dev/null, so this opens /dev/tty.
 */
#ifndef SKTPM_TERMINAL_H
#define SKTPM_TERMINAL_H

#include "base/bytes.h"

/*
 * True where there is a terminal and we are in its foreground: in its
 * background, reading would stop the caller's job.
 */
bool terminal_is_there(void);

/*
 * Shows `question`, whole, and waits `seconds` for one key press: y is yes,
 * every other key is no. What was typed before the question is thrown away. 0;
 * FAIL_REFUSED (no, an interrupt, or nothing in time); FAIL_PRESENCE where
 * there is no terminal. A signal caught meanwhile is raised again at the end.
 */
int terminal_confirm(const char *question, unsigned int seconds) MUST_CHECK;

/* Bytes of the longest secret that is taken whole; a longer one is cut. */
#define TERMINAL_SECRET_MAX 1024

/*
 * Shows `prompt` and reads a line without echo. The secret goes into *ret
 * without its newline, terminated; the caller ends it with bytes_reset.
 * 0, FAIL_REFUSED, FAIL_PRESENCE or FAIL_MEMORY.
 */
int terminal_read_secret(
    const char *prompt, unsigned int seconds, struct bytes *ret) MUST_CHECK;

#endif
