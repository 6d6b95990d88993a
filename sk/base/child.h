/* SPDX-License-Identifier: ISC */
/* Running other programs. */
#ifndef SKTPM_CHILD_H
#define SKTPM_CHILD_H

#include <sys/types.h>

#include "base/bytes.h"

struct child {
	const char *path;
	const char *argument; /* its one argument, or NULL */
	const char *env[3];   /* "NAME=value" to add, NULL behind the last */
};

/*
 * Starts the program with `input` and `output` as stdin and stdout; input -1
 * is /dev/null. It inherits stderr, and no other descriptor of this process.
 * 0 or a positive errno(3) value. The caller waits for *ret.
 */
int child_spawn(
    const struct child *child, int input, int output, pid_t *ret) MUST_CHECK;

/* Waits up to grace_ms milliseconds for the program to end, then kills it. */
void child_end(pid_t pid, unsigned int grace_ms);

/*
 * Runs the program with stdin at /dev/null and collects what it prints on
 * stdout, up to size - 1 bytes, terminated: *ret_len, as there may be NULs
 * among them. It is killed at the deadline, or once our caller has ended. 0
 * with its wait(2) status in *ret_status; FAIL_REFUSED where it was killed, and
 * what it had printed may be in ret_output; FAIL_PRESENCE if it cannot be run.
 */
int child_run(const struct child *child, unsigned int seconds, int *ret_status,
    char *ret_output, size_t size, size_t *ret_len) MUST_CHECK;

#endif
