/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "attest/make-credential.h"
#include "base/error.h"
#include "base/log.h"
#include "key/handle.h"
#include "operations.h"
#include "records.h"
#include "request/proof.h"
#include "requests.h"
#include "tpm/name.h"

static const uint8_t secret[ACTIVATE_SECRET_LEN] =
    "a challenge's secret, 32 bytes.";

/* The CA's: for the key and the endorsement key (EK) that it was shown. */
static int
make_challenge(const struct message_request *request, struct bytes *ret_id,
    struct bytes *ret_encrypted)
{
	const struct slice area = { request->public.data + 2,
		request->public.len - 2 };
	uint8_t name[TPM_NAME_LEN];
	struct ek_public ek;
	int r;

	if ((r = ek_public_parse(bytes_slice(&request->ek), &ek)) != 0 ||
	    (r = tpm_compute_name(area, name)) != 0)
		return r;
	return make_credential(&ek, (struct slice){ name, sizeof(name) },
	    (struct slice){ secret, sizeof(secret) }, ret_id, ret_encrypted);
}

static int
challenge_and_answer(const struct proof *proof,
    const struct message_request *request, uint8_t ret[ACTIVATE_SECRET_LEN])
{
	struct bytes id = { 0 }, encrypted = { 0 };
	struct challenge challenge;
	int r;

	if ((r = make_challenge(request, &id, &encrypted)) == 0) {
		challenge.id_object = bytes_slice(&id);
		challenge.encrypted_secret = bytes_slice(&encrypted);
		r = proof_answer(proof, &challenge, ret);
	}
	bytes_reset(&id);
	bytes_reset(&encrypted);
	return r;
}

/* The TPM has no EK that is persistent, so each connection creates one. */
static int
request_for(struct outcome *out, const struct key *key)
{
	char application[] = APPLICATION;
	struct keyref ref = { .key.application = application };
	struct message_request request = { 0 };
	uint8_t answer[ACTIVATE_SECRET_LEN] = { 0 };
	struct config faulty = cfg;
	struct proof proof = { 0 };
	int r;

	faulty.tcti = getenv("SK_TPM_TCTI");
	if ((r = handle_decode(
		 (struct slice){ key->handle, key->len }, &ref.handle)) == 0 &&
	    (r = proof_prepare(&faulty, &ref, &proof, &request)) == 0)
		r = challenge_and_answer(&proof, &request, answer);
	/* Of a key without a PIN nothing shows it here: the CA refuses it. */
	out->wrong = r == 0 && memcmp(answer, secret, sizeof(secret)) != 0 &&
	    (key == &with_pin || !out->lied_to);
	proof_reset(&proof);
	message_request_reset(&request);
	handle_reset(&ref.handle);
	if (r != 0)
		log_failure(r);
	return r;
}

int
run_request(struct outcome *out)
{
	return request_for(out, &plain);
}

int
run_request_pin(struct outcome *out)
{
	return request_for(out, &with_pin);
}
