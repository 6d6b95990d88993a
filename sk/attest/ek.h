/* SPDX-License-Identifier: ISC */
/*
 * The endorsement key (EK): a decryption key that a TPM creates again from its
 * endorsement seed, which stays when it is cleared, and that its maker may have
 * certified. What is encrypted to it, only this TPM decrypts.
 */
#ifndef SKTPM_EK_H
#define SKTPM_EK_H

#include "attest/ek-kind.h"
#include "attest/machine-id.h"

struct ek {
	const struct ek_kind *kind;
	ESYS_TR object;
	uint32_t where;	   /* its persistent handle; 0: it was created */
	struct bytes area; /* TPM2B_PUBLIC */
	struct ek_public public;
	char id[MACHINE_ID_LEN + 1];
};

/* What the endorsement hierarchy lets be done. */
struct ek_hierarchy {
	bool disabled;	   /* by the firmware: there is no EK */
	bool has_password; /* creating or using one takes it */
};

/* Asks the TPM, one command. 0 or what tpm_fail gives. */
int ek_hierarchy(struct tpm *tpm, struct ek_hierarchy *ret) MUST_CHECK;

/* Which EK to use, and whether it has to be created for that. */
struct ek_choice {
	const struct ek_kind *kind;
	uint32_t where; /* its persistent handle; 0: none */
};

/*
 * The EK that serves best: one with a certificate in NV, then one that is
 * persistent, then ECC before RSA. Where there is neither, P-256.
 * 0, FAIL_MEMORY or what tpm_fail gives.
 */
int ek_choose(struct tpm *tpm, struct ek_choice *ret) MUST_CHECK;

/*
 * Opens or creates it: by the template and nonce that are in NV, if there are
 * any. A chip takes up to a minute to create an RSA key. `password` is the
 * endorsement hierarchy's, or empty. The caller ends *ret with ek_close.
 * 0; FAIL_ENDORSEMENT_PASSWORD where it is missing or wrong; FAIL_EK where
 * there is none; FAIL_MEMORY or what tpm_fail gives.
 */
int ek_open(struct tpm *tpm, const struct ek_choice *choice,
    struct slice password, struct ek *ret) MUST_CHECK;

/*
 * The EK with this machine id: among those that are persistent, then created by
 * each kind that may be there. As ek_open; FAIL_OTHER_TPM where it is in none.
 */
int ek_open_id(struct tpm *tpm, const char *id, struct slice password,
    struct ek *ret) MUST_CHECK;

#define EK_MAX_PERSISTENT 8

/* All persistent EKs; the caller ends each with ek_close. */
struct eks {
	struct ek eks[EK_MAX_PERSISTENT];
	size_t n;
};

/* 0, FAIL_MEMORY or what tpm_fail gives. */
int ek_list(struct tpm *tpm, struct eks *ret) MUST_CHECK;

void eks_close(struct tpm *tpm, struct eks *eks);

/*
 * Makes the EK persistent where its kind belongs, authorized for the owner. 0;
 * FAIL_EXISTS where another key is there; FAIL_OWNER_PASSWORD; what tpm_fail
 * gives.
 */
int ek_make_persistent(
    struct tpm *tpm, ESYS_TR session, const struct ek *ek) MUST_CHECK;

/*
 * A policy session that lets the EK be used once. The password crosses the bus
 * as an HMAC, in a session salted to the EK. *ret is the caller's to flush,
 * where the TPM has not ended it. 0; FAIL_ENDORSEMENT_PASSWORD; what tpm_fail
 * gives.
 */
int ek_authorize(struct tpm *tpm, const struct ek *ek, struct slice password,
    ESYS_TR *ret) MUST_CHECK;

/*
 * Flushes one that was created, and frees the rest. Takes one of which only the
 * object is set, to ESYS_TR_NONE.
 */
void ek_close(struct tpm *tpm, struct ek *ek);

#endif
