/* SPDX-License-Identifier: ISC */
/*
 * The kinds of endorsement keys (EK) that PCs' TPMs have, and where they are:
 * TCG EK Credential Profile 2.5, section 2.2.1.4 for NV indices, annex B for
 * templates and policies.
 */
#ifndef SKTPM_EK_KIND_H
#define SKTPM_EK_KIND_H

#include "attest/ek-public.h"
#include "tpm/tpm.h"

/* Where others' programs and the TCG put persistent EKs. */
#define EK_PERSISTENT_FIRST 0x81010000u
#define EK_PERSISTENT_LAST 0x8101ffffu

/* Where certificates, nonces and templates are, and chains. */
#define EK_NV_FIRST 0x01c00000u
#define EK_NV_LAST 0x01c000ffu
#define EK_CHAIN_FIRST 0x01c00100u
#define EK_CHAIN_LAST 0x01c001ffu

/* What has to be satisfied to use it. */
enum ek_policy {
	EK_POLICY_A, /* PolicySecret of the endorsement hierarchy */
	EK_POLICY_B, /* PolicyOR of that and of a policy in NV */
};

struct ek_kind {
	const char *name; /* "RSA-2048" */
	enum ek_type type;
	enum ek_policy policy;
	uint32_t certificate, nonce, template; /* NV indices; nonce 0: none */
	uint32_t persistent;		       /* where we put one */
};

#define EK_N_KINDS 7

/* Those that are to be taken first come first: ECC before RSA. */
extern const struct ek_kind ek_kinds[EK_N_KINDS];

/* The kinds that a TPM has that has no certificates. */
#define EK_DEFAULT_ECC 0
#define EK_DEFAULT_RSA 3

/* The TCG's template for it, to be created by. */
void ek_kind_template(const struct ek_kind *kind, TPMT_PUBLIC *ret);

/*
 * Fills in the nonce that a TPM's maker chose, as the profile has it. False for
 * one that is too long.
 */
bool ek_kind_put_nonce(TPMT_PUBLIC *template, struct slice nonce);

/* The kind that a public area is of; NULL for none. */
const struct ek_kind *ek_kind_of(
    const struct ek_public *ek, const TPMT_PUBLIC *area);

/* What PolicyOR takes for EK_POLICY_B: the two policies, by the EK's nameAlg.
 */
void ek_kind_branches(enum ek_hash name_alg, TPML_DIGEST *ret);

#endif
