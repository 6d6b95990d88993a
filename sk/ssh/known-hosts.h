/* SPDX-License-Identifier: ISC */
/*
 * The names that known_hosts has for a server's host key. They are only shown;
 * nothing is decided by them.
 */
#ifndef SKTPM_KNOWN_HOSTS_H
#define SKTPM_KNOWN_HOSTS_H

#include "base/bytes.h"

#define KNOWN_HOSTS_NAME_LEN 256

/*
 * Finds a host key blob in ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts and
 * stores the first host field that has it, terminated, as it stands there
 * ("name" or "name,address"). A hashed name cannot be read back. Where there is
 * no other, the words of caller_words are tried, and the one with this hash is
 * the name ("name" or "[name]:port"). False where there is none; revoked keys
 * and authorities do not count.
 */
bool known_hosts_find(
    struct slice host_key, char ret[KNOWN_HOSTS_NAME_LEN]) MUST_CHECK;

enum known_host {
	KNOWN_HOST_NOT,
	KNOWN_HOST_HASHED, /* under names that are none of the words */
	KNOWN_HOST_NAMED,
};

/*
 * The same in one file, with words to try on hashed names, each terminated.
 * Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
 */
enum known_host known_hosts_find_in(const char *path, struct slice host_key,
    struct slice words, char ret[KNOWN_HOSTS_NAME_LEN]) MUST_CHECK;

#endif
