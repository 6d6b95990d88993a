/* SPDX-License-Identifier: ISC */
/* Running ssh-keygen, which signs certificates and makes KRLs. */
#ifndef SKTPM_CA_SSH_KEYGEN_H
#define SKTPM_CA_SSH_KEYGEN_H

#include "ca/settings.h"

#define SSH_KEYGEN_ARGUMENTS_MAX 128

struct ssh_keygen { /* start from { 0 }; arguments are borrowed */
	const char *argument[SSH_KEYGEN_ARGUMENTS_MAX];
	size_t n;
};

/* Whether there was room; otherwise the run fails. */
void ssh_keygen_add(struct ssh_keygen *run, const char *argument);

/*
 * Runs it with these arguments, no terminal and nobody to ask, and with the
 * agent and provider of the settings. 0 where it ends with status 0; else
 * FAIL_UNAVAILABLE, with what it said as the cause; FAIL_MEMORY.
 */
int ssh_keygen_run(
    const struct ssh_keygen *run, const struct settings *settings) MUST_CHECK;

#endif
