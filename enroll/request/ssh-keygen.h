/* SPDX-License-Identifier: ISC */
#ifndef SKTPM_REQUEST_SSH_KEYGEN_H
#define SKTPM_REQUEST_SSH_KEYGEN_H

#include "base/bytes.h"

/*
 * Runs ssh-keygen with these arguments, its own name the first and NULL behind
 * the last; nothing that it says is seen. 0, with its exit status, -1 for none;
 * FAIL_INTERNAL where it cannot be run.
 */
int ssh_keygen_quietly(const char *const *argv, int *ret_status) MUST_CHECK;

#endif
