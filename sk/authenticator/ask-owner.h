/* SPDX-License-Identifier: ISC */
/* The TPM owner's password, asked for where there is one. */
#ifndef SKTPM_OWNER_H
#define SKTPM_OWNER_H

#include "config.h"

struct owner_password {
	struct bytes secret; /* terminated, or empty */
	struct slice auth;   /* the same without its terminator */
};

/*
 * Empty where none is needed. Has a connection of its own, which is closed
 * before the person is asked: an open one may keep others off the TPM, and
 * holds back the interrupt key. Ends with owner_reset. 0 or FAIL_.
 */
int owner_ask(const struct config *cfg, struct owner_password *ret) MUST_CHECK;

void owner_reset(struct owner_password *password);

#endif
