/* SPDX-License-Identifier: ISC */
/*
 * Signatures of keys whose PIN has a lifetime. The PIN is that of another
 * object of the same parent. Entered once, it gives a ticket, which the TPM
 * takes in its place until the time is over; see tpm/policy-secret.h.
 */
#ifndef SKTPM_SIGN_PIN_OBJECT_H
#define SKTPM_SIGN_PIN_OBJECT_H

#include "key/key.h"

/*
 * Signs with the PIN. With `seconds` other than 0, *ret_ticket is a ticket for
 * as long, or empty where the TPM gave none. As key_sign; FAIL_WRONG_PIN has
 * cost a try.
 */
int key_sign_for_ticket(struct tpm *tpm, const struct checked_key *key,
    struct slice auth_value, uint32_t seconds, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret, struct bytes *ret_ticket) MUST_CHECK;

/*
 * Signs with a ticket. 0; FAIL_TICKET where the TPM does not take it, or does
 * not load the key: the PIN may help then; FAIL_FORGED; FAIL_BOOT_STATE; what
 * tpm_fail gives.
 *
 * The parent is not read first, though it is authorized: with a password that
 * is empty, of which a TPM would count a try if another object were there, with
 * a password of its own. But only a key that our software has judged has a
 * ticket: it is found by B, which binds where the parent is and its Name, in a
 * directory that only the person can write. So a forged key file finds none.
 * An old one, whose parent was replaced since, may cost one try, with its
 * ticket.
 */
int key_sign_with_ticket(struct tpm *tpm, const struct checked_key *key,
    struct slice ticket, const uint8_t digest[SHA256_LEN],
    struct ec_signature *ret) MUST_CHECK;

#endif
