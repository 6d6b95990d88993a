/* SPDX-License-Identifier: ISC */
/*
 * Whether a person takes part. A TPM has no button: presence is what this
 * software found out, and the signature's UP flag says no more than that.
 */
#ifndef SKTPM_PRESENCE_H
#define SKTPM_PRESENCE_H

#include "config.h"

/* True where the settings have a way to find a person. Asks nobody. */
bool presence_is_possible(const struct config *cfg);

/* Finds a person or fails: 0 or FAIL_PRESENCE. */
int presence_require(const struct config *cfg) MUST_CHECK;

#endif
