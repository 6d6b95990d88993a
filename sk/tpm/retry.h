/* SPDX-License-Identifier: ISC */
/*
 * Trying again what the TPM was too busy for.
 */
#ifndef SKTPM_RETRY_H
#define SKTPM_RETRY_H

#include <tss2/tss2_tpm2_types.h>

#include "base/bytes.h"

/*
 * How often something is tried. Start from zero. tpm_again and
 * tpm_retry_wait wait ever longer: some ten seconds for one thing, at most
 * twenty in a process. An interrupt ends the waiting.
 */
struct tpm_retry {
	unsigned int tries;
};

/*
 * True if rc says that the TPM did not get to the command, which is to be sent
 * again; has waited then.
 */
bool tpm_again(struct tpm_retry *retry, TSS2_RC rc);

/* The code of a call to tpm2-tss, made again as long as that is of use. */
#ifdef __cppcheck__ /* loses sight of what a call stores in there */
#define TPM_RETRY(call) (call)
#else
#define TPM_RETRY(call)                          \
	__extension__({                          \
		struct tpm_retry retry_ = { 0 }; \
		TSS2_RC rc_;                     \
		do                               \
			rc_ = (call);            \
		while (tpm_again(&retry_, rc_)); \
		rc_;                             \
	})
#endif

/* Waits before another try of a whole operation; false if it was the last. */
bool tpm_retry_wait(struct tpm_retry *retry, const char *waiting_for);

/* Forgets how long this process has waited; for the fuzzer. */
void tpm_retry_reset(void);

#endif
