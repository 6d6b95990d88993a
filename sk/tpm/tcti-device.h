/* SPDX-License-Identifier: ISC */
/*
 * A TCTI for a TPM's device file, as Linux has them: a command is one write,
 * and its answer one read. tpm2-tss's own sends a command of its own when it
 * opens the device, to see how the kernel has it read; a read of the largest
 * answer suits every kernel.
 */
#ifndef SKTPM_TCTI_DEVICE_H
#define SKTPM_TCTI_DEVICE_H

#include <tss2/tss2_tcti.h>

#include "base/bytes.h"

/*
 * What was opened has answered nothing as a TPM does; a number that no TCTI
 * uses. fail() has been called, with FAIL_UNREACHABLE.
 */
#define TCTI_DEVICE_RC_NO_TPM (TSS2_TCTI_RC_LAYER | 0x7f01U)

struct tcti_device {
	TSS2_TCTI_CONTEXT_COMMON_V1 common; /* first: it is a TCTI context */
	const char *path;
	int fd;
	bool has_answered;
};

/*
 * Opens the device `path`, empty for the default; it has to outlive *ret. Sends
 * nothing. 0 or what device_open gives. The caller ends *ret with
 * tcti_device_close.
 */
int tcti_device_open(const char *path, struct tcti_device *ret) MUST_CHECK;

/* A timeout of it, or a signal, gives TSS2_TCTI_RC_TRY_AGAIN. */
TSS2_TCTI_CONTEXT *tcti_device_tcti(struct tcti_device *d);

void tcti_device_close(struct tcti_device *d);

#endif
