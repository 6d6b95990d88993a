/* SPDX-License-Identifier: ISC */
/* Names of objects and NV indices. No TSS header is needed. */
#ifndef SKTPM_NAME_H
#define SKTPM_NAME_H

#include "base/bytes.h"

/*
 * The Name that a public area has, as marshalled, whose nameAlg is SHA-256:
 * nameAlg || digest (part 1, section 16). 0 or FAIL_INTERNAL.
 */
#define TPM_NAME_LEN 34
int tpm_compute_name(struct slice area, uint8_t ret[TPM_NAME_LEN]) MUST_CHECK;

#endif
