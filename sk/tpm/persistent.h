/* SPDX-License-Identifier: ISC */
/*
 * The TPM's slots for persistent objects, of which it has few. They are shared
 * with other programs, and their handles are whatever who fills one chooses.
 */
#ifndef SKTPM_PERSISTENT_H
#define SKTPM_PERSISTENT_H

#include "tpm/tpm.h"

/*
 * Our handles, in the range of the owner hierarchy, 0x81000000 to 0x817fffff
 * (part 2, 7.8). Registry of Reserved TPM 2.0 Handles and Localities, 2.3.1:
 * storage keys have 0x8100xxxx and endorsement keys 0x8101xxxx. Programs that
 * count from there do not come as far as the upper half.
 */
#define PERSISTENT_FIRST 0x81400000u
#define PERSISTENT_LAST 0x817fffffu

/* There is an object at the handle already. */
#define PERSISTENT_TAKEN 1

struct persistent_slots {
	uint32_t used; /* by whatever program */
	uint32_t free; /* at least; the TPM's estimate */
};

/* Asks the TPM, one command. 0 or what tpm_fail gives. */
int persistent_slots(struct tpm *tpm, struct persistent_slots *ret) MUST_CHECK;

/* A handle of ours at random, which may be taken. 0 or FAIL_INTERNAL. */
int persistent_choose(uint32_t *ret) MUST_CHECK;

/*
 * Makes a persistent copy of a loaded key (TPM2_EvictControl), authorized for
 * the owner by the session. 0; PERSISTENT_TAKEN; FAIL_NV_FULL;
 * FAIL_OWNER_PASSWORD or what tpm_fail gives.
 */
int persistent_make(
    struct tpm *tpm, ESYS_TR session, ESYS_TR key, uint32_t handle) MUST_CHECK;

/*
 * Removes the object at that handle; it is ESYS_TR_NONE then. In a session, the
 * TPM compares the Name that tpm2-tss has of it. One that is gone is removed.
 * 0; FAIL_OWNER_PASSWORD or what tpm_fail gives.
 */
int persistent_evict(struct tpm *tpm, ESYS_TR session, ESYS_TR *object,
    uint32_t handle) MUST_CHECK;

#endif
