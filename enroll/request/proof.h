/* SPDX-License-Identifier: ISC */
/*
 * This machine's side of a proof that a key is in its TPM: what a CA is shown,
 * and the answer to its challenge. Two connections to the TPM, with nothing
 * loaded between them: ssh may sign with the same TPM meanwhile.
 */
#ifndef SKTPM_PROOF_H
#define SKTPM_PROOF_H

#include "attest/activate.h"
#include "attest/message.h"
#include "authenticator/ask-owner.h"
#include "config.h"
#include "keyref.h"

struct proof {
	const struct config *cfg;
	const struct keyref *ref;
	struct checked_key key;
	struct bytes pin;	 /* terminated; empty: it needs none for this */
	struct bytes auth_value; /* made of it */
	struct owner_password endorsement;
	char id[MACHINE_ID_LEN + 1];
};

/*
 * Finds the endorsement key (EK), asks for what the answer is going to take,
 * and puts key, bound entries, public areas and certificates into *request. The
 * caller ends *ret with proof_reset, on failure too, and keeps *ref as long.
 * 0; FAIL_EK; FAIL_PIN_REQUIRED, FAIL_LAST_TRY and FAIL_LOCKOUT; what
 * key_check, ek_open and presence_ask_secret give.
 */
int proof_prepare(const struct config *cfg, const struct keyref *ref,
    struct proof *ret, struct message_request *request) MUST_CHECK;

/* The secret of a challenge, by the TPM; as activate. */
int proof_answer(const struct proof *proof, const struct challenge *challenge,
    uint8_t ret_secret[ACTIVATE_SECRET_LEN]) MUST_CHECK;

/* How many wrong PINs the TPM remembers, of any key. 0 or what tpm_with gives.
 */
int proof_wrong_tries(const struct proof *proof, uint32_t *ret) MUST_CHECK;

void proof_reset(struct proof *proof);

#endif
