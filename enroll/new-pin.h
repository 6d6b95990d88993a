/* SPDX-License-Identifier: ISC */
/* A new PIN, typed twice. */
#ifndef SKTPM_NEW_PIN_H
#define SKTPM_NEW_PIN_H

#include "config.h"

/*
 * Asks for it with `prompt`, and again, both in the same way; a PIN that will
 * not do is not asked for again. The caller ends *ret with bytes_reset. 0;
 * FAIL_PIN_REQUIRED if it will not do, or the two differ; and what
 * presence_ask_secret gives.
 */
int new_pin_ask(
    const struct config *cfg, const char *prompt, struct bytes *ret) MUST_CHECK;

#endif
