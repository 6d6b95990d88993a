/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "attest/ek-certificates.h"
#include "authenticator/credential.h"
#include "base/error.h"
#include "base/log.h"
#include "key/load.h"
#include "request/proof.h"
#include "ssh/sshkey.h"
#include "tpm/lockout.h"
#include "tpm/tpm.h"
#include "user/pin.h"
#include "user/presence.h"

/* --- the endorsement key ----------------------------------------------- */

static int
open_ek(struct tpm *tpm, const struct proof *p, struct ek *ret)
{
	const char *id = p->id[0] != '\0' ? p->id : p->cfg->endorsement_key;
	struct ek_choice choice;
	int r;

	if (id != NULL)
		return ek_open_id(tpm, id, p->endorsement.auth, ret);
	if ((r = ek_choose(tpm, &choice)) != 0)
		return r;
	return ek_open(tpm, &choice, p->endorsement.auth, ret);
}

static int
put_certificates(struct ek_certificates *certs, struct message_request *request)
{
	request->n_certificates = 0;
	if (certs->own.len == 0)
		return 0;
	bytes_move(
	    &certs->own, &request->certificates[request->n_certificates++]);
	for (size_t i = 0; i < certs->n_chain &&
	     request->n_certificates < MESSAGE_CERTIFICATES_MAX;
	     i++)
		bytes_move(&certs->chain[i],
		    &request->certificates[request->n_certificates++]);
	return 0;
}

struct preparing {
	struct proof *proof;
	struct message_request *request;
	struct ek_hierarchy hierarchy;
};

static int
look_at_hierarchy(struct tpm *tpm, void *what)
{
	struct preparing *p = what;
	const struct handle *h = &p->proof->ref->handle;
	int r;

	/* ssh would say less of a key that this TPM no longer has. */
	if ((r = key_try_load(tpm, &p->proof->key)) != 0 ||
	    (r = ek_hierarchy(tpm, &p->hierarchy)) != 0)
		return r;
	if (p->hierarchy.disabled)
		return fail(FAIL_EK,
		    "the TPM's endorsement hierarchy is disabled: there is no "
		    "endorsement key");
	if (h->auth == HANDLE_AUTH_PIN)
		return credential_check_ready(tpm, p->proof->cfg, h);
	return 0;
}

static int
look_at_ek(struct tpm *tpm, void *what)
{
	struct preparing *p = what;
	struct ek_certificates certs = { 0 };
	struct ek ek;
	int r;

	if ((r = open_ek(tpm, p->proof, &ek)) != 0)
		return r;
	if ((r = ek_certificates_read(tpm, &ek, &certs)) == 0 &&
	    (r = put_certificates(&certs, p->request)) == 0) {
		snprintf(p->proof->id, sizeof(p->proof->id), "%s", ek.id);
		bytes_move(&ek.area, &p->request->ek);
	}
	ek_certificates_reset(&certs);
	ek_close(tpm, &ek);
	return r;
}

/* --- the key ----------------------------------------------------------- */

static int
put_key(const struct proof *p, struct message_request *request)
{
	const struct handle *h = &p->ref->handle;
	int r;

	if ((r = sshkey_put_ours(
		 &request->key, &p->key.point, p->ref->key.application)) != 0 ||
	    (r = handle_bound(h, &request->binding)) != 0)
		return r;
	return bytes_set(
	    &request->public, h->tpm_public.data, h->tpm_public.len);
}

/* A key whose PIN has a lifetime has an empty authValue, by which this goes. */
static int
ask(struct preparing *p)
{
	struct proof *proof = p->proof;
	int r;

	if (p->hierarchy.has_password &&
	    (r = endorsement_password_ask(proof->cfg, &proof->endorsement)) !=
		0)
		return r;
	if (proof->ref->handle.auth != HANDLE_AUTH_PIN)
		return 0;
	if ((r = presence_ask_secret(
		 proof->cfg, "Enter the key's PIN: ", &proof->pin)) != 0)
		return r;
	return pin_auth_value((const char *)proof->pin.data,
	    proof->ref->handle.pin_salt, &proof->auth_value);
}

int
proof_prepare(const struct config *cfg, const struct keyref *ref,
    struct proof *ret, struct message_request *request)
{
	struct preparing p = { .proof = ret, .request = request };
	int r;

	*ret = (struct proof){ .cfg = cfg, .ref = ref };
	if ((r = key_check(&ref->handle, &ret->key)) != 0 ||
	    (r = put_key(ret, request)) != 0 ||
	    (r = tpm_with(cfg->tcti, look_at_hierarchy, &p)) != 0 ||
	    (r = ask(&p)) != 0)
		return r;
	return tpm_with(cfg->tcti, look_at_ek, &p);
}

/* --- the answer -------------------------------------------------------- */

struct answering {
	const struct proof *proof;
	const struct challenge *challenge;
	uint8_t *secret;
};

static int
answer(struct tpm *tpm, void *what)
{
	const struct answering *w = what;
	const struct proof *p = w->proof;
	struct activation a = {
		.tcti = p->cfg->tcti,
		.key = &p->key,
		.auth_value = bytes_slice(&p->auth_value),
		.last_try = p->cfg->spend_last_try ? LOCKOUT_SPEND_LAST_TRY
						   : LOCKOUT_KEEP_LAST_TRY,
		.endorsement = p->endorsement.auth,
		.challenge = *w->challenge,
	};
	struct ek ek;
	int r;

	if ((r = open_ek(tpm, p, &ek)) != 0)
		return r;
	a.ek = &ek;
	r = activate(tpm, &a, w->secret);
	ek_close(tpm, &ek);
	return r;
}

int
proof_answer(const struct proof *proof, const struct challenge *challenge,
    uint8_t ret_secret[ACTIVATE_SECRET_LEN])
{
	struct answering w = { proof, challenge, ret_secret };

	return tpm_with(proof->cfg->tcti, answer, &w);
}

/* --- wrong PINs -------------------------------------------------------- */

static int
read_tries(struct tpm *tpm, void *what)
{
	uint32_t *ret = what;
	struct lockout state;
	int r;

	if ((r = lockout_read(tpm, &state)) == 0)
		*ret = state.counter;
	return r;
}

int
proof_wrong_tries(const struct proof *proof, uint32_t *ret)
{
	return tpm_with(proof->cfg->tcti, read_tries, ret);
}

void
proof_reset(struct proof *proof)
{
	bytes_reset(&proof->pin);
	bytes_reset(&proof->auth_value);
	owner_password_reset(&proof->endorsement);
}
