/* SPDX-License-Identifier: ISC */
/*
 * The CA's keys as files, for sk-tpm-ca init and rotate. Of a key in a file,
 * UserCAKey or HostCAKey of the settings names its private part and ".pub" is
 * behind that; of one in an agent or token it names the public part. The next
 * generation is beside it, with ".next" in its name, and those before are
 * numbered: user_ca, user_ca.next, user_ca.1.
 */
#ifndef SKTPM_CA_KEY_FILES_H
#define SKTPM_CA_KEY_FILES_H

#include <limits.h>

#include "ca/command.h"

struct ca_key_files {
	char private[PATH_MAX]; /* empty for one in an agent or token */
	char public[PATH_MAX];
};

/* "" for the current key, "next", or a number. */
void ca_key_files(const struct settings *settings, enum certificate_type type,
    const char *generation, struct ca_key_files *ret);

/* Whether both, or for an agent or token the public part, are there. */
bool ca_key_is_there(const struct ca_key_files *files);

/*
 * Makes one with ssh-keygen, and the directory that it is in, for the account
 * of the service; FAIL_UNAVAILABLE for an agent or token, with what to do.
 */
int ca_key_make(const struct ca_invocation *inv,
    const struct ca_key_files *files, const char *comment) MUST_CHECK;

/* For root: what the service is to read and write is its own. */
int give_to_service(
    const struct ca_invocation *inv, const char *path) MUST_CHECK;

/* The directory of a file, mode 700, for the service; there already is fine. */
int make_directory_of(
    const struct ca_invocation *inv, const char *path) MUST_CHECK;

#endif
