/* SPDX-License-Identifier: ISC */
/* The CA's key revocation list, made by ssh-keygen -k. */
#ifndef SKTPM_CA_KRL_H
#define SKTPM_CA_KRL_H

#include "ca/settings.h"

/*
 * The current KRL, in the store's transaction; made anew, with a higher
 * version, where something was revoked since, and checked with ssh-keygen -Q
 * before it replaces the one before. Expired certificates are dropped.
 * 0, FAIL_STORE, FAIL_UNAVAILABLE, FAIL_MEMORY.
 */
int krl_current(struct store *store, const struct settings *settings,
    int64_t now, struct bytes *ret) MUST_CHECK;

#endif
