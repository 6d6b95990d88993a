/* SPDX-License-Identifier: ISC */
/*
 * The agent that SSH_AUTH_SOCK names: whether it answers, and what /proc tells
 * about it.
 */
#ifndef SKTPM_AGENT_PROGRAM_H
#define SKTPM_AGENT_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct agent {
	uint32_t n_keys;
	/* The program that listens, or "": see agent_ask. */
	char program[32];
	/* The value of ssh-agent's -P, or NULL. */
	char *allowed;
};

/*
 * Asks for the list of keys. What agent_list gives. The caller ends *ret with
 * agent_reset.
 *
 * The socket tells which process listened first. That is not always the one
 * that answers, because ssh-agent forks in between. `program` is empty if
 * neither that process nor SSH_AGENT_PID tells which program it is.
 */
int agent_ask(const char *path, struct agent *ret) MUST_CHECK;

/* Whether ssh-agent would load the library, given by its real path. */
bool agent_allows(const struct agent *agent, const char *library);

void agent_reset(struct agent *agent);

#endif
