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

/*
 * Bytes that are read and written at once: every TPM takes them, so that none
 * has to be asked how many. (768 is the smallest NV buffer that is known of.)
 */
#define NV_PIECE 512

/* Another process removed the index meanwhile; what a listing passes over. */
#define NV_GONE 1

/* An index of ours, as the TPM told of it once in this connection. */
struct nv_slot {
	uint32_t index;
	uint16_t size;
	bool whole; /* it was written to the end, and locked */
	ESYS_TR object;
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

/* Adds the index to *slots, if it is there and is ours. As nv_find. */
int nv_look(struct tpm *tpm, uint32_t index, struct nv_slots *slots) MUST_CHECK;

/* NULL if it was not found. */
struct nv_slot *nv_slot_at(const struct nv_slots *slots, uint32_t index);

/*
 * Appends what the index holds, in pieces that every TPM takes. 0; NV_GONE;
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
 * Removes an index; one that is gone is removed. In a session the TPM compares
 * its Name: what another process has written on since it was found stays, and
 * gives FAIL_OWNER_PASSWORD. 0; FAIL_FORGED where it is none of ours;
 * FAIL_OWNER_PASSWORD or what tpm_fail gives.
 */
int nv_remove(
    struct tpm *tpm, ESYS_TR session, struct nv_slot *slot) MUST_CHECK;

void nv_slots_reset(struct tpm *tpm, struct nv_slots *slots);

#endif
