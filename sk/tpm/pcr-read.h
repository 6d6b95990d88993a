/* SPDX-License-Identifier: ISC */
/* What PCRs are now. */
#ifndef SKTPM_PCR_READ_H
#define SKTPM_PCR_READ_H

#include "tpm/pcr.h"
#include "tpm/tpm.h"

/*
 * Reads these PCRs of the SHA-256 bank; the others' values in `ret` stay. 0;
 * FAIL_UNSUPPORTED where the TPM has one of them not, or no such bank; what
 * tpm_fail gives.
 */
int pcr_read(
    struct tpm *tpm, uint32_t pcrs, uint8_t ret[PCR_COUNT][PCR_LEN]) MUST_CHECK;

/*
 * The same for a key that is to depend on them. FAIL_UNSUPPORTED as well for
 * one that is all zeros: nothing was measured into it, and whoever boots
 * anything at all has that value.
 */
int pcr_read_for_key(
    struct tpm *tpm, uint32_t pcrs, uint8_t ret[PCR_COUNT][PCR_LEN]) MUST_CHECK;

/* Those of `pcrs` that differ. */
uint32_t pcr_differing(uint32_t pcrs, const uint8_t a[PCR_COUNT][PCR_LEN],
    const uint8_t b[PCR_COUNT][PCR_LEN]);

#endif
