/* SPDX-License-Identifier: ISC */
/*
 * Endorsement certificates as a TPM's NV memory holds them: X.509 in DER, some
 * wrapped, some padded. Nothing here says whether one is to be believed.
 */
#ifndef SKTPM_EK_CERT_H
#define SKTPM_EK_CERT_H

#include "attest/ek-public.h"

#define EK_CERT_MAX_LEN 8192 /* more than any NV index has */

/*
 * The certificate in an NV index: bare; behind 10 01 00 or 10 01 and its length
 * in two bytes (TCG PC Client Specific Implementation
 * Specification 1.2, 7.3.2); before bytes 00 or ff that fill the index. *ret is
 * a part of `in`. 0 or FAIL_ARGUMENT, with what is wrong with it.
 */
int ek_cert_unwrap(struct slice in, struct slice *ret) MUST_CHECK;

/*
 * Takes the next certificate of a chain off *in, with the padding before it; an
 * empty one at its end. 0 or FAIL_ARGUMENT.
 */
int ek_cert_next(struct slice *in, struct slice *ret) MUST_CHECK;

/*
 * Whether the certificate, exactly one in DER, is of this key, by its numbers:
 * some say RSAES-OAEP of the same modulus. 0 or FAIL_ARGUMENT.
 */
int ek_cert_check_key(struct slice cert, const struct ek_public *ek) MUST_CHECK;

#endif
