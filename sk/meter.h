/* SPDX-License-Identifier: ISC */
/*
 * A TCTI around another one that counts commands and the time until their
 * answers: what a signature costs in the TPM, and what in us.
 */
#ifndef SKTPM_METER_H
#define SKTPM_METER_H

#include <tss2/tss2_tcti.h>

#include "bytes.h"

struct meter {
	TSS2_TCTI_CONTEXT_COMMON_V1 common; /* first: it is a TCTI context */
	TSS2_TCTI_CONTEXT *inner;
	unsigned int commands;
	uint64_t sent_us, busy_us;
};

/*
 * Makes m a TCTI that passes everything to `inner`, which stays the caller's
 * to finalize and has to outlive m. m itself needs no finalizing.
 */
void meter_init(struct meter *m, TSS2_TCTI_CONTEXT *inner);

TSS2_TCTI_CONTEXT *meter_tcti(struct meter *m);

#endif
