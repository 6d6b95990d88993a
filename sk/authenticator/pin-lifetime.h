/* SPDX-License-Identifier: ISC */
/*
 * How long the PIN of a key lasts, and its ticket meanwhile. The TPM ends a
 * ticket; how long one is to last is asked of it by this software, which goes
 * by what the key was made with and by the setting PINLifetime: by the shorter.
 */
#ifndef SKTPM_PIN_LIFETIME_H
#define SKTPM_PIN_LIFETIME_H

#include "config.h"
#include "key/handle.h"
#include "user/pin-ticket.h"

/* Seconds that a PIN entered for this key lasts; 0: for one signature. */
uint32_t pin_lifetime_of(const struct config *cfg, const struct handle *h);

/* What a new key of these enum credential_flags gets; 0: none. */
uint32_t pin_lifetime_for_new(const struct config *cfg, unsigned int flags);

/* As pin_ticket_find. */
bool pin_lifetime_find(const struct config *cfg, const struct handle *h,
    struct pin_ticket *ret) MUST_CHECK;

/* As pin_ticket_keep; does nothing where the TPM gave no ticket. */
void pin_lifetime_keep(const struct handle *h, const struct pin_ticket *ticket);

/* As pin_ticket_forget. */
int pin_lifetime_forget(const struct handle *h) MUST_CHECK;

#endif
