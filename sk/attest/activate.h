/* SPDX-License-Identifier: ISC */
/*
 * TPM2_ActivateCredential: answers a CA's challenge, which shows that a key of
 * ours is in the TPM with that endorsement key (EK). Only a TPM that has both
 * decrypts the challenge, and the key's Name is in it.
 */
#ifndef SKTPM_ACTIVATE_H
#define SKTPM_ACTIVATE_H

#include "attest/ek.h"
#include "key/key.h"
#include "tpm/lockout.h"

/*
 * As long as the secret of a challenge is. A TPM gives any length; this machine
 * answers for no other protocol's challenges.
 */
#define ACTIVATE_SECRET_LEN 32

/* What make_credential made for the EK and the key's Name. */
struct challenge {
	struct slice id_object;	       /* TPM2B_ID_OBJECT, size included */
	struct slice encrypted_secret; /* TPM2B_ENCRYPTED_SECRET, the same */
};

/* What is to be activated, and what that takes. */
struct activation {
	const char *tcti; /* as for lockout_begin_try */
	const struct checked_key *key;
	struct slice auth_value; /* of a PIN; empty: the key has none */
	enum lockout_last_try last_try;
	const struct ek *ek;
	struct slice endorsement; /* the hierarchy's password, or empty */
	struct challenge challenge;
};

/*
 * Has the TPM decrypt the challenge. Of a key with a PIN, the secret crosses
 * the bus encrypted; of another one, as it is. Conditions of a key play no
 * part: the TPM goes by its authValue.
 *
 * 0; FAIL_PIN_REQUIRED, before anything is sent; FAIL_CHALLENGE for one that is
 * not for this key and EK, or damaged; FAIL_WRONG_PIN, which has cost a try;
 * FAIL_LOCKOUT, FAIL_LAST_TRY; FAIL_ENDORSEMENT_PASSWORD; what load_key gives.
 */
int activate(struct tpm *tpm, const struct activation *a,
    uint8_t ret_secret[ACTIVATE_SECRET_LEN]) MUST_CHECK;

#endif
