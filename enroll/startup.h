/* SPDX-License-Identifier: ISC */
/* The files that set SSH_SK_PROVIDER from the next login on. */
#ifndef SKTPM_STARTUP_H
#define SKTPM_STARTUP_H

#include <stdbool.h>

#include "base/bytes.h"

struct startup {
	char *path;
	const char *set; /* the line, up to the library's path */
};

/*
 * The file that the user's shell reads at login. 0, or FAIL_ARGUMENT if there
 * is no home directory. The caller frees ret->path.
 */
int startup_of_shell(struct startup *ret) MUST_CHECK;

/*
 * The file that the user's systemd manager reads, for graphical sessions and
 * user services. False if no such manager runs, or there is no home directory.
 */
bool startup_of_manager(struct startup *ret);

#endif
