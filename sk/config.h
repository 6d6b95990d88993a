/* SPDX-License-Identifier: ISC */
/*
 * Settings. One table holds each setting's keyword, environment variable and
 * setter, so that every source goes through the same check.
 */
#ifndef SKTPM_CONFIG_H
#define SKTPM_CONFIG_H

#include "bytes.h"

enum user_presence {
	USER_PRESENCE_AUTO,   /* ask where that is possible */
	USER_PRESENCE_ASSUME, /* take every request for a person's */
};

struct config {
	char *tcti; /* tctildr's "name:conf"; never NULL once loaded */
	enum user_presence user_presence;
};

/*
 * Fills *ret with the defaults and then the environment (which a setuid or
 * setgid caller's cannot influence). The caller ends with config_reset, on
 * failure too. 0, FAIL_CONFIG or FAIL_MEMORY.
 */
int config_load(struct config *ret) MUST_CHECK;

/*
 * Gives the setting `keyword` (TCTI, UserPresence; case ignored) a value;
 * `source` names where it came from in error lines, as in "-O device".
 * TCTI takes a TCTI configuration or an absolute device path.
 * 0, FAIL_CONFIG or FAIL_MEMORY; *cfg is unchanged on failure.
 */
int config_set(struct config *cfg, const char *keyword, const char *value,
    const char *source) MUST_CHECK;

/* Frees what *cfg holds. */
void config_reset(struct config *cfg);

#endif
