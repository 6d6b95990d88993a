/* SPDX-License-Identifier: ISC */
/*
 * TPM2_MakeCredential in software: the TPM 2.0 Library, part 1, "Credential
 * Protection". Only the TPM that has the endorsement key, and has an object of
 * that Name loaded with its sensitive part, gives the secret back.
 */
#ifndef SKTPM_MAKE_CREDENTIAL_H
#define SKTPM_MAKE_CREDENTIAL_H

#include "attest/ek-public.h"

/*
 * A TPM2B_ID_OBJECT and a TPM2B_ENCRYPTED_SECRET, with their size fields. The
 * secret has at most as many bytes as a digest of the EK's nameAlg.
 * 0, FAIL_MEMORY or FAIL_INTERNAL.
 */
int make_credential(const struct ek_public *ek, struct slice name,
    struct slice secret, struct bytes *ret_id_object,
    struct bytes *ret_encrypted_secret) MUST_CHECK;

#endif
