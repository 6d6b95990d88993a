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

/*
 * Whether another PIN may be tried: 0; FAIL_LOCKOUT, with how long it lasts;
 * FAIL_LAST_TRY for the one before it, unless spend_last_try.
 */
int lockout_check(const struct lockout *l, bool spend_last_try) MUST_CHECK;

/*
 * Remembers a wrong PIN, with how many tries are left by the state after it;
 * FAIL_WRONG_PIN.
 */
int lockout_wrong_pin(const struct lockout *after) MUST_CHECK;

#endif
