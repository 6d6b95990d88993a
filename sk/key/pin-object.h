/* SPDX-License-Identifier: ISC */
/*
 * The PIN object of a key whose PIN has a lifetime: what has the PIN as its
 * authValue, and authorizes the key by policy. See template.h for what it is
 * like, and sign-pin-object.h for its use.
 */
#ifndef SKTPM_PIN_OBJECT_H
#define SKTPM_PIN_OBJECT_H

#include "key/parent.h"

/*
 * Whether this TPM can give a PIN a lifetime. Of a TPM that lets one outlast a
 * restart, a line tells the person. 0; FAIL_UNSUPPORTED; what tpm_fail gives.
 */
int pin_object_check_tpm(struct tpm *tpm) MUST_CHECK;

/*
 * Loads it. *ret_session is the session that has loaded it, salted to the
 * parent: its answer has shown that the real parent is there before anything
 * made of the PIN is sent. Both are the caller's to end. 0; as load_object.
 */
int pin_object_load(struct tpm *tpm, const struct handle *h,
    const struct parent *parent, ESYS_TR *ret_object,
    ESYS_TR *ret_session) MUST_CHECK;

#endif
