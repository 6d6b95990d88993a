/* SPDX-License-Identifier: ISC */
/* What a TPM's maker wrote into its NV memory about an endorsement key. */
#ifndef SKTPM_EK_CERTIFICATES_H
#define SKTPM_EK_CERTIFICATES_H

#include "attest/ek.h"

/* A chain is as long as the protocol takes, with the key's own certificate. */
#define EK_MAX_CHAIN 7

struct ek_certificates {
	struct bytes own; /* X.509 in DER; empty: it has none */
	struct bytes chain[EK_MAX_CHAIN];
	size_t n_chain;
};

/*
 * Reads the certificate of an endorsement key and the chain of its issuers,
 * without wrapper and padding. That it is of this key is checked, and nothing
 * else. Of a damaged chain what is before the damage is given. The caller ends
 * *ret with ek_certificates_reset. 0; FAIL_EK where the certificate is damaged,
 * of another key or cannot be read; FAIL_MEMORY or what tpm_fail gives.
 */
int ek_certificates_read(struct tpm *tpm, const struct ek *ek,
    struct ek_certificates *ret) MUST_CHECK;

void ek_certificates_reset(struct ek_certificates *certs);

#endif
