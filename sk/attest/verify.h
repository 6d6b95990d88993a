/* SPDX-License-Identifier: ISC */
/*
 * What a CA checks of a key that is said to be in a TPM, with no TPM and no
 * TSS: that its public area is byte for byte the one of a key that sk-tpm
 * makes, and that it is the key that the certificate is asked for. A credential
 * for its Name (attest/make-credential.h) then shows that a TPM has it.
 *
 * That vouches for point, attributes and authPolicy. What else the bound
 * entries say is what the key's maker wrote: it cannot have changed since.
 */
#ifndef SKTPM_VERIFY_H
#define SKTPM_VERIFY_H

#include "base/p256.h"
#include "key/handle.h"
#include "tpm/name.h"

/* As they came from the machine. */
struct evidence {
	struct slice blob;   /* SSH public key, as OpenSSH encodes it */
	struct slice bound;  /* bound entries of its key handle */
	struct slice public; /* TPM2B_PUBLIC of the key */
};

struct verified_key {
	struct handle handle; /* the bound entries alone */
	struct ec_point point;
	struct slice application;   /* part of the blob; no zero byte in it */
	uint8_t name[TPM_NAME_LEN]; /* computed */
};

/*
 * 0; FAIL_VERSION or FAIL_HANDLE for other bound entries, or a public area that
 * does not follow from them; FAIL_EVIDENCE for another SSH key than that;
 * FAIL_FORGED for a point that is not on the curve; FAIL_MEMORY or
 * FAIL_INTERNAL. The caller ends *ret with verified_key_reset.
 */
int verify_key(
    const struct evidence *evidence, struct verified_key *ret) MUST_CHECK;

void verified_key_reset(struct verified_key *key);

#endif
