/* SPDX-License-Identifier: ISC */
/* The certificate in the person's ssh-agent. */
#ifndef SKTPM_AGENT_CERTIFICATE_H
#define SKTPM_AGENT_CERTIFICATE_H

#include <stdbool.h>

#include "request/certificate-file.h"

/*
 * Adds a user's certificate to the agent of SSH_AUTH_SOCK for as long as it is
 * good, if the key itself is there, and removes the one that it follows: of the
 * same key, by the same CA, for the same names. `c` is `blob` as it was read.
 * Whether it was added; an agent that would not take it is told of in the log.
 */
bool agent_certificate_put(const struct certificate_file *file,
    struct slice blob, const struct certificate *c);

#endif
