/* SPDX-License-Identifier: ISC */
/* A new PIN, typed twice. */
#ifndef SKTPM_NEW_PIN_H
#define SKTPM_NEW_PIN_H

#include "config.h"

/*
 * Asks for a PIN with `prompt`, and again to confirm it. A PIN that is not
 * allowed is refused before it is asked for again. The caller ends *ret with
 * bytes_reset. 0; FAIL_PIN_REQUIRED if the PIN is not allowed or the two
 * differ; or what presence_ask_secret returns.
 */
int new_pin_ask(
    const struct config *cfg, const char *prompt, struct bytes *ret) MUST_CHECK;

/*
 * Reads a new PIN from a file descriptor that our caller opened: the first
 * line, or all of it. The caller ends *ret with bytes_reset. 0; FAIL_ARGUMENT
 * where that cannot be read; FAIL_PIN_REQUIRED if the PIN is not allowed.
 */
int new_pin_read(const char *fd, struct bytes *ret) MUST_CHECK;

#endif
