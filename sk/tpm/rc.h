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
 * tpm_fail(rc, doing) is fail() for a response code: it remembers what rc
 * stands for, with rc decoded. `doing` ends the sentence "the TPM failed to".
 */
#define tpm_fail(...) tpm_fail_at(__FILE__, __LINE__, __func__, __VA_ARGS__)

/* The function behind tpm_fail(), which alone calls it. */
int tpm_fail_at(const char *file, int line, const char *function, TSS2_RC rc,
    const char *doing) MUST_CHECK;

#endif
