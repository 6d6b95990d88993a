/* SPDX-License-Identifier: ISC */
/*
 * NV indices of others, as the TPM's maker defined them: reading alone.
 */
#ifndef SKTPM_NV_OTHER_H
#define SKTPM_NV_OTHER_H

#include "tpm/tpm.h"

/*
 * Appends all that the index holds, in pieces that every TPM takes. What may be
 * read with no password is; no wrong one of ours is counted as a try.
 * 0, with nothing appended where there is no such index or nothing in it;
 * FAIL_PERMISSION where it may not be read; what tpm_fail gives.
 */
int nv_other_read(
    struct tpm *tpm, uint32_t index, struct bytes *ret) MUST_CHECK;

#endif
