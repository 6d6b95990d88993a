/* SPDX-License-Identifier: ISC */
/* A program that is asked something, with a deadline. */
#ifndef SKTPM_CHILD_H
#define SKTPM_CHILD_H

#include "bytes.h"

struct child {
	const char *path;
	const char *argument; /* its one argument */
	const char *env[3];   /* "NAME=value" to add, NULL behind the last */
};

/*
 * Runs the program with stdin at /dev/null and collects what it prints on
 * stdout, up to size - 1 bytes, terminated. At the deadline it is ended.
 * 0 with its wait(2) status in *ret_status; FAIL_REFUSED at the deadline;
 * FAIL_PRESENCE if it cannot be run.
 */
int child_run(const struct child *child, unsigned int seconds, int *ret_status,
    char *ret_output, size_t size) MUST_CHECK;

#endif
