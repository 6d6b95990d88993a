/* SPDX-License-Identifier: ISC */
/*
 * What sshd reads of a CA beside certificates: its key revocation list (KRL),
 * for RevokedKeys, and its keys, for TrustedUserCAKeys.
 */
#ifndef SKTPM_TRUST_FILES_H
#define SKTPM_TRUST_FILES_H

#include "attest/message.h"

/*
 * Puts a KRL in the place of PATH, once ssh-keygen has read it, unless that has
 * the same version or a later one: what was revoked stays so, whatever a CA
 * sends. `key` is a file with a key that ssh-keygen is asked about; it has five
 * seconds of processor time, and 256 MiB, for that. *ret_older is whether the
 * one that is there was kept because it is of a later version; or NULL. 0;
 * FAIL_CERTIFICATE for what is no KRL; FAIL_ARGUMENT where it cannot be
 * written; FAIL_MEMORY or FAIL_INTERNAL.
 */
int krl_put(const char *path, const struct bytes *krl, const char *key,
    bool *ret_older) MUST_CHECK;

/* Whether a KRL has the key or certificate of that file. */
bool krl_revokes(const char *krl, const char *key);

/*
 * Puts the keys that sign certificates of this type in the place of PATH, one a
 * line. 0; FAIL_CERTIFICATE where the CA sent none; FAIL_ARGUMENT, FAIL_MEMORY.
 */
int ca_keys_put(
    const char *path, const struct ca_reader *came, uint32_t type) MUST_CHECK;

#endif
