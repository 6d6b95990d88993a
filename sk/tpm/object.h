/* SPDX-License-Identifier: ISC */
/*
 * Persistent keys and NV indices as tpm2-tss sees them, and their Names.
 */
#ifndef SKTPM_OBJECT_H
#define SKTPM_OBJECT_H

#include "tpm/name.h"
#include "tpm/tpm.h"

/*
 * tpm2-tss's object for a persistent key or an NV index: *ret_object is
 * ESYS_TR_NONE if there is nothing at that handle. `doing` as for tpm_fail.
 */
int tpm_open_handle(struct tpm *tpm, uint32_t handle, const char *doing,
    ESYS_TR *ret_object) MUST_CHECK;

/*
 * The same for the key with this public area, by SHA-256, without asking
 * whether it is there. Sends nothing: in a session, the TPM refuses a command
 * for another key. 0, FAIL_PARENT or FAIL_INTERNAL.
 */
int tpm_open_known(struct tpm *tpm, uint32_t handle, const TPM2B_PUBLIC *public,
    ESYS_TR *ret_object) MUST_CHECK;

/* The TPM handle of an object or a session; TPM2_RH_NULL if it has none. */
uint32_t tpm_handle_of(struct tpm *tpm, ESYS_TR object);

/* Lets such an object go, in this process alone; takes ESYS_TR_NONE. */
void tpm_close_handle(struct tpm *tpm, ESYS_TR *object);

/*
 * The Name of a key, computed from its public area. 0; FAIL_PARENT where the
 * nameAlg is not SHA-256; FAIL_INTERNAL.
 */
int tpm_public_name(
    const TPM2B_PUBLIC *public, uint8_t ret[TPM_NAME_LEN]) MUST_CHECK;

/* The same of what tpm2-tss has been told of a key; see tpm_read_back. */
int tpm_object_name(
    struct tpm *tpm, ESYS_TR object, uint8_t ret[TPM_NAME_LEN]) MUST_CHECK;

/*
 * What tpm2-tss has been told of a key and will use of it, unchecked: the Name
 * that HMACs cover, and the public area that sessions are salted to. Either may
 * be NULL. 0 or FAIL_INTERNAL.
 */
int tpm_read_back(struct tpm *tpm, ESYS_TR object, TPM2B_NAME *ret_name,
    TPM2B_PUBLIC *ret_public) MUST_CHECK;

/* The same of an NV index. */
int tpm_read_back_index(struct tpm *tpm, ESYS_TR object, TPM2B_NAME *ret_name,
    TPMS_NV_PUBLIC *ret_public) MUST_CHECK;

/*
 * tpm2-tss's object for an NV index, and its public area. *ret_object is
 * ESYS_TR_NONE, and *ret_public untouched, if the TPM has no such index. The
 * caller ends *ret_object with tpm_close_handle. 0; FAIL_FORGED where the area
 * is another index's; what tpm_fail gives.
 */
int tpm_open_index(struct tpm *tpm, uint32_t index, ESYS_TR *ret_object,
    TPMS_NV_PUBLIC *ret_public) MUST_CHECK;

#endif
