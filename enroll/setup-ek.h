/* SPDX-License-Identifier: ISC */
/* sk-tpm setup: the endorsement key. */
#ifndef SKTPM_SETUP_EK_H
#define SKTPM_SETUP_EK_H

#include "attest/machine-id.h"
#include "authenticator/ask-owner.h"

enum setup_mode {
	SETUP_DO,
	SETUP_DRY_RUN, /* only say what would be done */
};

/*
 * Makes the endorsement key persistent, and prints which it is. Where that
 * cannot be, a line says why: it is there all the same, and just slower.
 * `owner` is empty, or has been asked for. 0, FAIL_MEMORY or what tpm_with
 * gives.
 */
int setup_ek(const struct config *cfg, enum setup_mode mode,
    struct owner_password *owner, char ret_id[MACHINE_ID_LEN + 1]) MUST_CHECK;

#endif
