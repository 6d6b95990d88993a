/* SPDX-License-Identifier: ISC */
/*
 * Primary keys: the storage root key (SRK) by the TCG's templates, created anew
 * from a hierarchy's seed.
 */
#ifndef SKTPM_PRIMARY_H
#define SKTPM_PRIMARY_H

#include "tpm/object.h"

/* Where the TCG's provisioning guidance puts the SRK. */
#define PRIMARY_SRK_HANDLE 0x81000001u

enum primary_template {
	PRIMARY_SRK,	   /* ECC P-256 SRK template, unique empty */
	PRIMARY_SRK_ZEROS, /* the same with unique 32+32 zero bytes */
	PRIMARY_N_TEMPLATES,
};

/*
 * Creates a key by a template in the hierarchy of ESYS_TR_RH_OWNER or _NULL,
 * authorized by the session. *ret_key is the caller's to flush; ret_name is
 * computed from its public area, and may be NULL.
 * 0; FAIL_OWNER_AUTH where the hierarchy has another password; what tpm_fail
 * gives.
 */
int primary_create(struct tpm *tpm, ESYS_TR hierarchy, ESYS_TR session,
    enum primary_template template, ESYS_TR *ret_key,
    uint8_t ret_name[TPM_NAME_LEN]) MUST_CHECK;

/*
 * A storage key of the null hierarchy, which needs no authorization: for
 * salting a session where no parent is known. It keeps off those who only
 * listen. *ret is the caller's to flush.
 */
int primary_create_null(struct tpm *tpm, ESYS_TR *ret) MUST_CHECK;

#endif
