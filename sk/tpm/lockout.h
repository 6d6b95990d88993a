/* SPDX-License-Identifier: ISC */
/*
 * The TPM's protection against guessing (dictionary attack; part 1, section
 * 19.8 of the TPM 2.0 Library). Its counter is the machine's, not a key's:
 * too many wrong PINs here also stop the unlocking of disks.
 */
#ifndef SKTPM_LOCKOUT_H
#define SKTPM_LOCKOUT_H

#include "tpm/tpm.h"

struct lockout {
	uint32_t counter;  /* wrong tries that are remembered */
	uint32_t max;	   /* at this many the TPM locks itself */
	uint32_t interval; /* seconds after which one is forgotten; 0: never */
};

/* Asks the TPM, one command. 0 or what tpm_fail gives. */
int lockout_read(struct tpm *tpm, struct lockout *ret) MUST_CHECK;

/* What may become of the last try before the TPM locks itself. */
enum lockout_last_try {
	LOCKOUT_KEEP_LAST_TRY,
	LOCKOUT_SPEND_LAST_TRY,
};

/*
 * Whether another PIN may be tried: 0; FAIL_LOCKOUT, with how long it lasts;
 * FAIL_LAST_TRY for the one before it, where that is to be kept.
 */
int lockout_check(
    const struct lockout *l, enum lockout_last_try last_try) MUST_CHECK;

/*
 * Remembers a wrong PIN, with how many tries are left by the state after it;
 * FAIL_WRONG_PIN.
 */
int lockout_wrong_pin(const struct lockout *after) MUST_CHECK;

/*
 * Before a PIN is tried: whether the TPM can bear a wrong one. The counter is
 * read before anything else, so that no session or object of ours lives longer
 * for it. No other process of ours tries until lockout_end_try; see tpm_lock,
 * also for `tcti`. 0, what lockout_check or tpm_fail give.
 */
int lockout_begin_try(struct tpm *tpm, const char *tcti,
    enum lockout_last_try last_try) MUST_CHECK;

/*
 * After it: r, what the try gave; for FAIL_WRONG_PIN remembered with how many
 * tries are left. Not where lockout_begin_try failed.
 */
int lockout_end_try(struct tpm *tpm, int r) MUST_CHECK;

#endif
