/* SPDX-License-Identifier: ISC */
/*
 * What a machine is called by: "SHA256:" and, in base64, the SHA-256 of the DER
 * SubjectPublicKeyInfo of its endorsement key. A machine with several such keys
 * has several ids. A TPM that is cleared keeps them.
 */
#ifndef SKTPM_MACHINE_ID_H
#define SKTPM_MACHINE_ID_H

#include "attest/ek-public.h"

#define MACHINE_ID_LEN 51

/* Terminated. 0, FAIL_MEMORY or FAIL_INTERNAL. */
int machine_id(
    const struct ek_public *ek, char ret[MACHINE_ID_LEN + 1]) MUST_CHECK;

/* Whether a text is a machine's id, in the one way to write it. */
bool machine_id_is_wellformed(const char *text);

#endif
