/* SPDX-License-Identifier: ISC */
/*
 * Our NV indices, in 0x01800000 to 0x01bfffff, a range that the TCG's registry
 * leaves to owners. What they hold is bytes here. An index is ours if its
 * attributes and its policy are exactly those that we define ours with; no
 * other is ever read, written or removed. PROTOCOL.md has them.
 *
 * Reading needs no authorization, everything else the owner's: a session of
 * owner.h.
 */
#ifndef SKTPM_NV_H
#define SKTPM_NV_H

#include "tpm/tpm.h"

#define NV_FIRST 0x01800000u
#define NV_LAST 0x01bfffffu

/* No TPM is known to have larger NV indices; many have smaller ones. */
#define NV_MAX_LEN 2048

/* Another process removed the index meanwhile; what a listing passes over. */
#define NV_GONE 1

/* An index of ours, as a listing sees it. */
struct nv_slot {
	uint32_t index;
	uint16_t size;
	bool whole; /* it was written to the end, and locked */
};

struct nv_slots {
	struct nv_slot *slots;
	size_t n;
};

/*
 * All indices of ours, in order. The caller ends *ret with nv_slots_reset.
 * 0, FAIL_MEMORY, FAIL_FORGED or what tpm_fail gives.
 */
int nv_find(struct tpm *tpm, struct nv_slots *ret) MUST_CHECK;

/*
 * Appends what the index holds, in pieces that the TPM takes. 0; NV_GONE;
 * FAIL_HANDLE for one with a password; FAIL_MEMORY or what tpm_fail gives.
 */
int nv_read(
    struct tpm *tpm, const struct nv_slot *slot, struct bytes *ret) MUST_CHECK;

/*
 * Defines an index at random, writes it in pieces and locks it. 0;
 * FAIL_NV_FULL; FAIL_ARGUMENT for more than this TPM takes;
 * FAIL_OWNER_PASSWORD or what tpm_fail gives.
 */
int nv_write(struct tpm *tpm, ESYS_TR session, const struct bytes *data,
    uint32_t *ret_index) MUST_CHECK;

/*
 * Removes an index. One that was listed as not whole and is whole by now is
 * another process's new record, and stays; one that is gone is removed.
 * 0; FAIL_FORGED where it is none of ours; FAIL_OWNER_PASSWORD or what tpm_fail
 * gives.
 */
int nv_remove(
    struct tpm *tpm, ESYS_TR session, const struct nv_slot *slot) MUST_CHECK;

void nv_slots_reset(struct nv_slots *slots);

#endif
