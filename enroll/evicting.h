/* SPDX-License-Identifier: ISC */
/* Evicting persistent keys, with the owner's password asked for if there is
 * one. */
#ifndef SKTPM_EVICTING_H
#define SKTPM_EVICTING_H

#include "config.h"
#include "key/handle.h"

/*
 * Evicts all copies of the key. *ret_n is how many there were. 0 or any FAIL_
 * of copy_evict and owner_password_ask.
 */
int evict_copies(const struct config *cfg, const struct handle *h,
    unsigned int *ret_n) MUST_CHECK;

/* Evicts what is at one of our handles; as copy_evict_at. */
int evict_at(const struct config *cfg, uint32_t handle) MUST_CHECK;

#endif
