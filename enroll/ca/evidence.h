/* SPDX-License-Identifier: ISC */
/*
 * What a machine sent, checked: PROTOCOL.md, 5.3. It is run by the judge
 * (judge.h) alone, as it reads what strangers wrote.
 */
#ifndef SKTPM_CA_EVIDENCE_H
#define SKTPM_CA_EVIDENCE_H

#include "attest/ek-chain.h"
#include "attest/ek-public.h"
#include "attest/message.h"
#include "ssh/sshkey.h"
#include "tpm/name.h"

/* What the EK's certificate says. */
enum ek_standing {
	EK_NO_CERTIFICATE,
	EK_UNCERTIFIED, /* a certificate, and no roots to hold it against */
	EK_CERTIFIED,
};

/* A request whose key and endorsement key are what they have to be. */
struct judged_request {
	struct bytes destination, name; /* name: empty for none */
	unsigned int wants;		/* bits of enum message_want */
	bool lists_alone; /* no certificate is wanted: the rest is empty */
	enum certificate_type type;
	struct bytes blob;  /* SSH public key */
	struct bytes bound; /* bound entries of its handle */
	uint8_t key_name[TPM_NAME_LEN];
	struct ek_public ek;
	enum ek_standing standing;
	struct bytes ek_certificate; /* DER; empty for none */
	/* Of it, as text that ends in a zero byte; empty for none. */
	struct bytes ek_issuer, ek_subject, ek_serial, ek_maker;
	struct bytes ek_problem; /* why it leads to no root */
	/* What the key's maker wrote, unchanged since. */
	bool presence, pin;
	uint32_t pin_lifetime; /* seconds; 0: none */
	uint32_t pcrs, limits; /* bits as of tpm/pcr.h and key/limits.h */
};

void judged_request_reset(struct judged_request *request);

/*
 * Takes what it keeps out of *request. A certificate has to be of the EK; where
 * it leads to no root it counts as none, and why is told. 0; otherwise
 * *ret_code is what the machine is told, and it is FAIL_EVIDENCE, FAIL_FORGED,
 * FAIL_HANDLE or FAIL_VERSION; FAIL_EK; FAIL_EK_CERTIFICATE; FAIL_MEMORY or
 * FAIL_INTERNAL.
 */
int evidence_check(struct message_request *request,
    const struct ek_roots *roots, int64_t now, struct judged_request *ret,
    enum message_code *ret_code) MUST_CHECK;

#endif
