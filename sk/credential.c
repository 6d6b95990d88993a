/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "credential.h"
#include "error.h"
#include "key.h"
#include "log.h"
#include "presence.h"
#include "tpm.h"

static int
check_application(const char *application)
{
	size_t len;

	if (application == NULL || application[0] == '\0')
		return fail(FAIL_ARGUMENT,
		    "the application is empty; it has to begin with ssh:");
	if ((len = strlen(application)) > CREDENTIAL_MAX_APPLICATION)
		return fail(FAIL_ARGUMENT,
		    "the application has %zu bytes, and %d is the most", len,
		    CREDENTIAL_MAX_APPLICATION);
	return 0;
}

static int
check_not_empty(struct slice s, const char *what)
{
	if (s.data == NULL || s.len == 0)
		return fail(FAIL_ARGUMENT, "the %s is empty", what);
	return 0;
}

/*
 * A full TPM gets room when another program ends or flushes, which it may not
 * be able to do while we hold the connection. So the whole operation is tried
 * again, each time over a connection of its own.
 */
static bool
try_again(struct tpm_retry *retry, int r)
{
	return r == FAIL_TPM_FULL &&
	    tpm_retry_wait(retry, "other programs to flush their keys");
}

static int
create_key(const struct config *cfg, struct handle *ret, struct ec_point *point)
{
	struct tpm_retry retry = { 0 };
	struct tpm *tpm;
	int r;

	do {
		if ((r = tpm_open(cfg->tcti, &tpm)) != 0)
			return r;
		r = key_create(tpm, ret, point);
		tpm_close(tpm);
	} while (try_again(&retry, r));
	return r;
}

/* Nothing unverified leaves this room, whatever answered as a TPM. */
static int
sign(const struct config *cfg, const struct handle *h,
    const uint8_t digest[FIDO_DIGEST_LEN], struct ec_signature *ret)
{
	struct tpm_retry retry = { 0 };
	struct ec_signature sig;
	struct ec_point point;
	struct tpm *tpm;
	int r;

	if ((r = key_point(h, &point)) != 0)
		return r;
	do {
		if ((r = tpm_open(cfg->tcti, &tpm)) != 0)
			return r;
		r = key_sign(tpm, h, digest, &sig);
		tpm_close(tpm);
	} while (try_again(&retry, r));
	if (r != 0 || (r = fido_verify(&point, digest, &sig)) != 0)
		return r;
	*ret = sig;
	return 0;
}

/*
 * Attestation says UP, and libfido2 insists on it: none is made where nobody
 * was asked.
 */
static int
attest(const struct config *cfg, const struct credential_request *req,
    const struct handle *h, struct credential *cred)
{
	uint8_t digest[FIDO_DIGEST_LEN];
	struct bytes authdata = { 0 };
	struct ec_signature sig;
	int r;

	if (!presence_is_possible(cfg))
		return 0;
	if ((r = presence_require(cfg)) != 0 ||
	    (r = fido_authenticator_data(req->application, FIDO_FLAG_UP,
		 bytes_slice(&cred->key_handle), &cred->point, &authdata)) !=
		0 ||
	    (r = fido_attestation_digest(
		 bytes_slice(&authdata), req->challenge, digest)) != 0 ||
	    (r = sign(cfg, h, digest, &sig)) != 0 ||
	    (r = fido_signature_der(&sig, &cred->signature)) != 0)
		goto out;
	r = fido_wrap_authdata(bytes_slice(&authdata), &cred->authdata);
out:
	bytes_reset(&authdata);
	return r;
}

int
credential_make(const struct config *cfg, const struct credential_request *req,
    struct credential *ret)
{
	struct credential cred = { 0 };
	struct handle h = { 0 };
	int r;

	if ((r = check_application(req->application)) != 0 ||
	    (r = check_not_empty(req->challenge, "challenge")) != 0 ||
	    (r = create_key(cfg, &h, &cred.point)) != 0 ||
	    (r = handle_encode(&h, &cred.key_handle)) != 0 ||
	    (r = attest(cfg, req, &h, &cred)) != 0)
		goto out;
	*ret = cred;
	cred = (struct credential){ 0 };
out:
	credential_reset(&cred);
	handle_reset(&h);
	return r;
}

int
credential_assert(const struct config *cfg, const struct assertion_request *req,
    struct assertion *ret)
{
	uint8_t digest[FIDO_DIGEST_LEN];
	struct assertion a = { 0 };
	struct handle h = { 0 };
	int r;

	if ((r = check_application(req->application)) != 0 ||
	    (r = check_not_empty(req->message, "message to sign")) != 0 ||
	    (r = check_not_empty(req->key_handle, "key handle")) != 0 ||
	    (r = handle_decode(req->key_handle, &h)) != 0)
		goto out;
	if (req->presence) {
		if ((r = presence_require(cfg)) != 0)
			goto out;
		a.flags |= FIDO_FLAG_UP;
	}
	if ((r = fido_assertion_digest(
		 req->application, a.flags, req->message, digest)) != 0 ||
	    (r = sign(cfg, &h, digest, &a.signature)) != 0)
		goto out;
	*ret = a;
out:
	handle_reset(&h);
	return r;
}

void
credential_reset(struct credential *cred)
{
	bytes_reset(&cred->key_handle);
	bytes_reset(&cred->authdata);
	bytes_reset(&cred->signature);
	*cred = (struct credential){ 0 };
}
