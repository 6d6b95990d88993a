/* SPDX-License-Identifier: ISC */
/*
 * Where the ticket of a PIN is kept for as long as the PIN is to last: what the
 * TPM gave for it, and takes in its place until the time is over. It is in a
 * file of its own, below the person's XDG_RUNTIME_DIR and theirs alone. It does
 * not have the PIN in it, nor anything made of it. One CBOR map (RFC 8949, core
 * deterministic encoding):
 *
 *	0: "sk-tpm-ticket"	magic, text
 *	1: uint		version, 1
 *	2: uint		when it was made: CLOCK_BOOTTIME, seconds
 *	3: uint		for how many seconds, 1..0x7fffffff
 *	4: bytes	the TPM's, see tpm/policy-session.h; 1..256 of them
 *
 * The times only let us forget a ticket early, and tell when it ends. It is
 * the TPM that no longer takes it.
 */
#ifndef SKTPM_PIN_TICKET_H
#define SKTPM_PIN_TICKET_H

#include "base/bytes.h"

#define PIN_TICKET_BINDING_LEN 32
#define PIN_TICKET_MAX 256

struct pin_ticket {
	uint64_t made;	  /* see above */
	uint32_t seconds; /* see above */
	struct bytes tpm; /* the TPM's */
};

/*
 * The ticket of the key with this binding. `at_most` is how many seconds it may
 * last, whatever it says itself. False where there is none, where the directory
 * or the file is not the caller's alone, and where it is damaged or over: then
 * it is deleted. The caller ends *ret with pin_ticket_reset.
 */
bool pin_ticket_find(const uint8_t binding[PIN_TICKET_BINDING_LEN],
    uint32_t at_most, struct pin_ticket *ret) MUST_CHECK;

/*
 * Keeps a ticket that was made `now`, in place of an older one. Where it cannot
 * be kept, the PIN has to be entered again: that is no failure.
 */
void pin_ticket_keep(const uint8_t binding[PIN_TICKET_BINDING_LEN],
    const struct pin_ticket *ticket);

/*
 * Wipes and deletes it, if there is one. 0; FAIL_ARGUMENT where it may still be
 * there, as pin_ticket_forget_all; FAIL_MEMORY or FAIL_INTERNAL.
 */
int pin_ticket_forget(const uint8_t binding[PIN_TICKET_BINDING_LEN]) MUST_CHECK;

/*
 * Wipes and deletes all that there are. 0, also where there is no such
 * directory; FAIL_ARGUMENT where one is not the caller's alone, or a file in it
 * cannot be deleted.
 */
int pin_ticket_forget_all(unsigned int *ret_n) MUST_CHECK;

/* Now, on the clock that `made` is of. */
uint64_t pin_ticket_now(void);

/* The encoding above. 0, FAIL_MEMORY or FAIL_INTERNAL. */
int pin_ticket_encode(
    const struct pin_ticket *ticket, struct bytes *ret) MUST_CHECK;

/* Anything but that encoding is refused. 0, FAIL_ARGUMENT or FAIL_MEMORY. */
int pin_ticket_decode(struct slice in, struct pin_ticket *ret) MUST_CHECK;

void pin_ticket_reset(struct pin_ticket *ticket);

#endif
