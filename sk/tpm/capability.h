/* SPDX-License-Identifier: ISC */
/*
 * What the TPM says of itself.
 */
#ifndef SKTPM_CAPABILITY_H
#define SKTPM_CAPABILITY_H

#include "tpm/tpm.h"

/*
 * Asks for up to n handles (TPM2_CAP_HANDLES), properties
 * (TPM2_CAP_TPM_PROPERTIES) or commands (TPM2_CAP_COMMANDS) from `first` on.
 * *ret is of that kind, with a count within its array: tpm2-tss takes any kind
 * for an answer. The caller ends it with Esys_Free. `doing` as for tpm_fail;
 * ret_more may be NULL. 0 or what tpm_fail gives.
 */
int tpm_capability(struct tpm *tpm, TPM2_CAP kind, uint32_t first, uint32_t n,
    const char *doing, TPMI_YES_NO *ret_more,
    TPMS_CAPABILITY_DATA **ret) MUST_CHECK;

/* Reads one TPM2_PT_ property. 0 or what tpm_fail gives. */
int tpm_property(struct tpm *tpm, TPM2_PT property, uint32_t *ret) MUST_CHECK;

/* Whether the TPM has a command. 0 or what tpm_fail gives. */
int tpm_has_command(struct tpm *tpm, TPM2_CC command, bool *ret) MUST_CHECK;

/* The handles from `first` to `last`, in order. */
#define TPM_MAX_HANDLES 64
struct tpm_handles {
	uint32_t handles[TPM_MAX_HANDLES];
	size_t n;
};

/*
 * Lists them; those that are more than TPM_MAX_HANDLES are left out. `doing` as
 * for tpm_fail. 0 or what tpm_fail gives.
 */
int tpm_list_handles(struct tpm *tpm, uint32_t first, uint32_t last,
    const char *doing, struct tpm_handles *ret) MUST_CHECK;

#endif
