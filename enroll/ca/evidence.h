/* SPDX-License-Identifier: ISC */
/*
 * What a machine sent, judged by a process that has neither the CA's keys nor
 * its store, nor any system call to get at them: it reads a request and
 * certificates that strangers wrote. It shares two pipes with the service,
 * which does by itself what decides who a machine is: the secret, the
 * challenge, the comparison of the answer, and the machine's id. So a parser
 * that is taken over can pass off a key that is in no TPM as one of the TPM
 * that it speaks for, and nothing else.
 */
#ifndef SKTPM_CA_EVIDENCE_H
#define SKTPM_CA_EVIDENCE_H

#include "attest/ek-public.h"
#include "attest/message.h"
#include "ca/settings.h"
#include "tpm/name.h"

/* What the EK's certificate says. */
enum ek_standing {
	EK_NO_CERTIFICATE,
	EK_UNCERTIFIED, /* a certificate, that leads to no root that is known */
	EK_CERTIFIED,
};

struct judged_request {
	struct bytes destination, name; /* name: empty for none */
	enum certificate_type type;
	unsigned int wants; /* bits of enum message_want */
	struct bytes blob;  /* SSH public key */
	struct bytes bound; /* bound entries of its handle */
	uint8_t key_name[TPM_NAME_LEN];
	struct ek_public ek;
	enum ek_standing standing;
	struct bytes ek_certificate; /* DER; empty for none */
	struct bytes issuer;	     /* of it, in words; empty for none */
	/* What the binding says. */
	unsigned int demands_met; /* bits of enum demand */
	bool presence;
	bool has_pin;
	uint32_t pin_lifetime, pcrs, limits;
};

void judged_request_reset(struct judged_request *request);

struct judge;

/*
 * Starts the process. What is to be read, as roots, was read before. 0,
 * FAIL_INTERNAL or FAIL_MEMORY. The caller ends with judge_end.
 */
int judge_start(const struct settings *settings, struct judge **ret) MUST_CHECK;

/* Hands it the lines of a machine, each with its LF. 0 or FAIL_INTERNAL. */
int judge_add(struct judge *judge, struct slice lines) MUST_CHECK;

/*
 * Waits for its judgement, for `milliseconds` at most. 0; FAIL_PROTOCOL,
 * FAIL_VERSION, FAIL_EVIDENCE, FAIL_EK or FAIL_EK_CERTIFICATE, with the CODE
 * for the machine and words for it in *ret_code and *ret_text; FAIL_INTERNAL
 * where the process is gone.
 */
int judge_result(struct judge *judge, unsigned int milliseconds,
    struct judged_request *ret, enum message_code *ret_code,
    struct bytes *ret_text) MUST_CHECK;

void judge_end(struct judge *judge);

#endif
