/* SPDX-License-Identifier: ISC */
/* Programs that sk-tpm join runs, as root or as the machine's account. */
#ifndef SKTPM_JOIN_PROGRAMS_H
#define SKTPM_JOIN_PROGRAMS_H

#include "base/bytes.h"

enum run_as {
	RUN_AS_OURSELVES,
	/* JOIN_ACCOUNT, in the group that reaches the TPM, below its home. */
	RUN_AS_MACHINE,
	RUN_AS_MACHINE_QUIETLY, /* its stderr is not seen */
};

/*
 * Runs argv[0], found in PATH, with no standard input. What it prints is in
 * *ret_output, or seen where that is NULL; its stderr is seen. The account has
 * a session of its own, without our terminal, and what it says there is shown
 * line by line, escaped, behind its name. It is ended after fifteen minutes,
 * quietly after one. 0, with its exit status, -1 where a signal ended it;
 * FAIL_UNAVAILABLE where it cannot be run, or takes too long; FAIL_MEMORY.
 */
int program_run(const char *const argv[], enum run_as as,
    struct bytes *ret_output, int *ret_status) MUST_CHECK;

/* The same where any other status than 0 is FAIL_UNAVAILABLE. */
int program_must(const char *const argv[], enum run_as as) MUST_CHECK;

/*
 * Writes a file of the machine's account, by it and with no right of root's:
 * its directory is not to be trusted. 0 or FAIL_UNAVAILABLE.
 */
int machine_put_file(const char *path, struct slice content) MUST_CHECK;

/* Ends all processes of the machine's account, for which there is no use. */
void machine_end_processes(void);

/* This program's own file. */
const char *program_self(void);

#endif
