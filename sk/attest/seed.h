/* SPDX-License-Identifier: ISC */
/*
 * Sharing a secret seed with the TPM that has an endorsement key: the TPM 2.0
 * Library, part 1, annexes B.10 (RSA) and C.6 (ECC).
 */
#ifndef SKTPM_SEED_H
#define SKTPM_SEED_H

#include "attest/ek-public.h"

/*
 * A new seed, as long as the key's nameAlg is, and what tells it to the TPM
 * alone: a TPM2B_ENCRYPTED_SECRET with its size field. The label says what it
 * is for, "IDENTITY" for credentials. 0, FAIL_MEMORY or FAIL_INTERNAL.
 */
int seed_share(const struct ek_public *ek, const char *label,
    struct bytes *ret_seed, struct bytes *ret_encrypted) MUST_CHECK;

#endif
