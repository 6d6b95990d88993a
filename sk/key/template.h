/* SPDX-License-Identifier: ISC */
/*
 * The public areas of our keys and of their PIN objects, as bytes: TPM2B_PUBLIC
 * as in part 2 of the TPM 2.0 Library, 12.2.5, with its size field. Everything
 * in that of a key but its point follows from the handle's bound entries. No
 * TSS header is needed, as a CA checks public areas and has no TPM.
 */
#ifndef SKTPM_TEMPLATE_H
#define SKTPM_TEMPLATE_H

#include "base/p256.h"
#include "key/handle.h"

/*
 * The public area that the key of this handle has to have, with this point.
 * Without a point (NULL) it is the template that creates such a key. 0,
 * FAIL_HANDLE for another PIN object than one of ours, FAIL_MEMORY or
 * FAIL_INTERNAL.
 */
int template_public(const struct handle *h, const struct ec_point *point,
    struct bytes *ret) MUST_CHECK;

/*
 * The point in a public area, if every other byte is as the handle's bound
 * entries want it. A TPM may have left out zeros in front of the numbers. The
 * public area of a PIN object has to be one of ours, too. 0; FAIL_HANDLE where
 * anything else is in either; FAIL_MEMORY or FAIL_INTERNAL.
 */
int template_point(const struct handle *h, struct slice public,
    struct ec_point *ret) MUST_CHECK;

/*
 * The template that creates a PIN object: what has the PIN as its authValue,
 * and else nothing of use. 0 or FAIL_MEMORY.
 */
int template_pin_object(struct bytes *ret) MUST_CHECK;

#endif
