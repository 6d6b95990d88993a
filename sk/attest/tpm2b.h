/* SPDX-License-Identifier: ISC */
/*
 * The TPM's encoding of numbers and of bytes with a size of 16 bits before them
 * (TPM2B), for those who have no TPM and no TSS. What takes is as in
 * base/wire.h.
 */
#ifndef SKTPM_TPM2B_H
#define SKTPM_TPM2B_H

#include "base/bytes.h"

bool tpm2b_take_u16(struct slice *in, uint16_t *ret) MUST_CHECK;

/* The bytes borrow from *in. */
bool tpm2b_take(struct slice *in, struct slice *ret) MUST_CHECK;

/* Appends size and bytes, at most 65,535. 0 or FAIL_MEMORY. */
int tpm2b_put(struct bytes *out, struct slice content) MUST_CHECK;

#endif
