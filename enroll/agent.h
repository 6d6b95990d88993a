/* SPDX-License-Identifier: ISC */
/*
 * The protocol of an SSH agent, as its client. Source:
 * draft-ietf-sshm-ssh-agent, and OpenSSH's PROTOCOL.agent and PROTOCOL.u2f.
 */
#ifndef SKTPM_AGENT_H
#define SKTPM_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "keyfile.h"

/* The keys that an agent has listed. */
struct agent_keys {
	uint32_t n;
	struct bytes answer;
	struct slice rest; /* of the answer: what agent_next has not read */
};

/*
 * Connects to a socket; *ret is the caller's to close. An agent that does not
 * answer is waited for 5 seconds. 0 or FAIL_UNREACHABLE.
 */
int agent_connect(const char *path, int *ret) MUST_CHECK;

/*
 * The keys and certificates that it has. The caller ends *ret with
 * agent_keys_reset. 0; FAIL_UNREACHABLE, also where no agent answers;
 * FAIL_MEMORY.
 */
int agent_list(int fd, const char *path, struct agent_keys *ret) MUST_CHECK;

/* The next one's public blob, which borrows from `keys`. False at their end. */
bool agent_next(struct agent_keys *keys, struct slice *ret);

void agent_keys_reset(struct agent_keys *keys);

/*
 * Adds a certificate of a key file's key, for so many seconds, with the library
 * that is to sign; 0 seconds: for good. Where the agent refuses, that is
 * FAIL_UNAVAILABLE; else as agent_list.
 */
int agent_add_certificate(int fd, const char *path, const struct keyfile *key,
    struct slice certificate, uint32_t seconds, const char *library) MUST_CHECK;

/* Removes a key or certificate. As agent_add_certificate. */
int agent_remove(int fd, const char *path, struct slice blob) MUST_CHECK;

#endif
