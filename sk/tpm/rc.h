/* SPDX-License-Identifier: ISC */
/*
 * Response codes: which one it is, and what it says to a person.
 */
#ifndef SKTPM_RC_H
#define SKTPM_RC_H

#include <tss2/tss2_tpm2_types.h>

#include "base/bytes.h"

/*
 * rc without its layer, and without the number of the handle, session or
 * parameter it speaks of: a TPM2_RC_ value to compare with. What did not come
 * from the TPM gives TPM2_RC_NOT_USED.
 */
TPM2_RC tpm_rc(TSS2_RC rc);

/*
 * The failure that rc stands for, remembered with rc decoded. `doing` ends
 * the sentence "the TPM failed to".
 */
int tpm_fail(TSS2_RC rc, const char *doing) MUST_CHECK;

#endif
