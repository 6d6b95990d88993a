/* SPDX-License-Identifier: ISC */
/*
 * Against whoever is between us and the TPM when a key is made, resident keys
 * are read, or the owner's password is given: where the setting EndorsementKey
 * names the TPM's endorsement key (EK), all of that goes on in a session salted
 * to it. Only the TPM with that EK can answer in it, and every answer is
 * checked. Without the setting nothing is sent besides.
 */
#ifndef SKTPM_GUARD_H
#define SKTPM_GUARD_H

#include "config.h"
#include "tpm/tpm.h"

/*
 * Starts the session, until tpm_close; see tpm_guard. 0; FAIL_FORGED where the
 * TPM does not have the EK; what ek_open_id and tpm_fail give.
 */
int guard_begin(struct tpm *tpm, const struct config *cfg) MUST_CHECK;

/* tpm_with, with guard_begin before the work. */
int guard_with(const struct config *cfg, tpm_work *work, void *what) MUST_CHECK;

#endif
