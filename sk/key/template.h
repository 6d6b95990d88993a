/* SPDX-License-Identifier: ISC */
/*
 * The public area of our keys, as bytes: a TPM2B_PUBLIC as in part 2 of the
 * TPM 2.0 Library, 12.2.5, with its size field. Everything in it but the point
 * follows from the handle's bound entries. No TSS header is needed, as a CA
 * checks public areas and has no TPM.
 */
#ifndef SKTPM_TEMPLATE_H
#define SKTPM_TEMPLATE_H

#include "base/p256.h"
#include "key/handle.h"

/*
 * The public area that the key of this handle has to have, with this point.
 * Without a point (NULL) it is the template that creates such a key.
 * 0; FAIL_VERSION for conditions that we cannot meet yet; FAIL_MEMORY,
 * FAIL_INTERNAL.
 */
int template_public(const struct handle *h, const struct ec_point *point,
    struct bytes *ret) MUST_CHECK;

/*
 * The point in a public area, if every other byte is as the handle's bound
 * entries want it. A TPM may have left out zeros in front of the numbers.
 * 0; FAIL_HANDLE where anything else is in it; FAIL_VERSION, FAIL_INTERNAL.
 */
int template_point(const struct handle *h, struct slice public,
    struct ec_point *ret) MUST_CHECK;

#endif
