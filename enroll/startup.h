/* SPDX-License-Identifier: ISC */
/* Where SSH_SK_PROVIDER is set, for it to be there at the next login. */
#ifndef SKTPM_STARTUP_H
#define SKTPM_STARTUP_H

#include <stdbool.h>

#include "base/bytes.h"

struct startup {
	char *path;
	const char *set; /* the line, up to the library's path */
};

/*
 * The file that this person's shell reads when they log in. 0, or
 * FAIL_ARGUMENT where there is no home. The caller frees ret->path.
 */
int startup_of_shell(struct startup *ret) MUST_CHECK;

/*
 * The file that their systemd manager reads, and so graphical sessions and user
 * services. False where no such manager runs, or there is no home.
 */
bool startup_of_manager(struct startup *ret);

#endif
