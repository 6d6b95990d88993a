/* SPDX-License-Identifier: ISC */
/*
 * The agent that SSH_AUTH_SOCK names: whether it answers, and what /proc has
 * of it.
 */
#ifndef SKTPM_AGENT_H
#define SKTPM_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct agent {
	uint32_t n_keys;
	/* What listens, or "": see agent_ask. */
	char program[32];
	/* Where that is ssh-agent: its -P, or NULL without. */
	char *allowed;
};

/*
 * Asks for the list of keys, by the agent protocol. 0, or FAIL_UNREACHABLE
 * with words.
 *
 * The socket tells which process listened first, which is not always the one
 * that answers: ssh-agent forks between. `program` is empty where neither that
 * process nor SSH_AGENT_PID tells. The caller ends *ret with agent_reset.
 */
int agent_ask(const char *path, struct agent *ret) MUST_CHECK;

/* As ssh-agent has it: whether it takes this library, by its real path. */
bool agent_allows(const struct agent *agent, const char *library);

void agent_reset(struct agent *agent);

#endif
