/* SPDX-License-Identifier: ISC */
/*
 * The four entry points that OpenSSH calls: check, translate, pack. Built once
 * for each layout in sk-api.h, and the only room that knows them.
 */
#include <stdlib.h>
#include <string.h>

#include "credential.h"
#include "error.h"
#include "log.h"

/* The library hides everything but what this header declares. */
#pragma GCC visibility push(default)
#include "sk-api.h"
#pragma GCC visibility pop

/* --- in ---------------------------------------------------------------- */

static int
check_algorithm(uint32_t alg)
{
	if (alg == SSH_SK_ED25519)
		return fail(FAIL_UNSUPPORTED,
		    "a TPM has no ed25519; use -t ecdsa-sk, which it can do");
	if (alg != SSH_SK_ECDSA)
		return fail(FAIL_UNSUPPORTED,
		    "unknown algorithm %u; use -t ecdsa-sk", alg);
	return 0;
}

static int
check_enroll_flags(uint8_t flags)
{
	if (flags & SSH_SK_RESIDENT_KEY)
		return fail(FAIL_UNSUPPORTED,
		    "-O resident is not supported yet; make the key without "
		    "it and keep its key file");
	return 0;
}

static int
apply_option(const struct sk_option *option, struct config *cfg)
{
	if (option->name == NULL || option->value == NULL)
		return fail(FAIL_ARGUMENT, "an option has no name or value");
	if (strcmp(option->name, "device") == 0)
		return config_set(cfg, "TCTI", option->value, "-O device");
	if (strcmp(option->name, "user") == 0)
		return 0; /* matters to resident keys only */
	if (option->required)
		return fail(FAIL_UNSUPPORTED,
		    "option \"%.100s\" is not known; device and user are",
		    option->name);
	log_debug("ignoring option \"%.100s\"", option->name);
	return 0;
}

/* Settings for one call: defaults, environment, then -O. */
static int
begin(struct sk_option **options, struct config *cfg)
{
	int r;

	log_begin();
	if ((r = config_load(cfg)) != 0)
		return r;
	for (; options != NULL && *options != NULL; options++)
		if ((r = apply_option(*options, cfg)) != 0)
			return r;
	log_set_level(cfg->log_level);
	return 0;
}

/* --- out --------------------------------------------------------------- */

/* The one place where a failure becomes a line and one of OpenSSH's codes. */
static int
finish(int r, struct config *cfg)
{
	config_reset(cfg);
	if (r == 0)
		return 0;
	log_failure(r);
	switch (r) {
	case FAIL_UNSUPPORTED:
		return SSH_SK_ERR_UNSUPPORTED;
	case FAIL_PIN_REQUIRED:
	case FAIL_WRONG_PIN:
		return SSH_SK_ERR_PIN_REQUIRED;
	case FAIL_NO_DEVICE:
	case FAIL_PERMISSION:
	case FAIL_UNREACHABLE:
	case FAIL_NOT_TPM2:
	case FAIL_NOT_OURS:
	case FAIL_OTHER_TPM:
		return SSH_SK_ERR_DEVICE_NOT_FOUND;
	default:
		return SSH_SK_ERR_GENERAL;
	}
}

/* An empty field is NULL. */
static int
pack(const void *data, size_t len, uint8_t **ret, size_t *ret_len)
{
	if (len == 0)
		return 0;
	if ((*ret = malloc(len)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	memcpy(*ret, data, len);
	*ret_len = len;
	return 0;
}

static void
free_enroll_response(struct sk_enroll_response *resp)
{
	if (resp == NULL)
		return;
	free(resp->public_key);
	free(resp->key_handle);
	free(resp->signature);
	free(resp->attestation_cert);
	free(resp->authdata);
	free(resp);
}

static void
free_sign_response(struct sk_sign_response *resp)
{
	if (resp == NULL)
		return;
	free(resp->sig_r);
	free(resp->sig_s);
	free(resp);
}

static int
pack_credential(const struct credential *cred, uint8_t flags,
    struct sk_enroll_response **ret)
{
	struct sk_enroll_response *resp = calloc(1, sizeof(*resp));
	uint8_t point[FIDO_POINT_LEN];
	int r;

	if (resp == NULL)
		return fail(FAIL_MEMORY, "out of memory");
#if SK_API_MAJOR >= 9
	resp->flags = flags;
#else
	(void)flags;
#endif
	fido_point_encode(&cred->point, point);
	if ((r = pack(point, sizeof(point), &resp->public_key,
		 &resp->public_key_len)) != 0 ||
	    (r = pack(cred->key_handle.data, cred->key_handle.len,
		 &resp->key_handle, &resp->key_handle_len)) != 0 ||
	    (r = pack(cred->signature.data, cred->signature.len,
		 &resp->signature, &resp->signature_len)) != 0 ||
	    (r = pack(cred->authdata.data, cred->authdata.len, &resp->authdata,
		 &resp->authdata_len)) != 0)
		goto out;
	*ret = resp;
	resp = NULL;
out:
	free_enroll_response(resp);
	return r;
}

static int
pack_assertion(const struct assertion *a, struct sk_sign_response **ret)
{
	struct sk_sign_response *resp = calloc(1, sizeof(*resp));
	int r;

	if (resp == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	resp->flags = a->flags;
	resp->counter = FIDO_COUNTER;
	if ((r = pack(a->signature.r, sizeof(a->signature.r), &resp->sig_r,
		 &resp->sig_r_len)) != 0 ||
	    (r = pack(a->signature.s, sizeof(a->signature.s), &resp->sig_s,
		 &resp->sig_s_len)) != 0)
		goto out;
	*ret = resp;
	resp = NULL;
out:
	free_sign_response(resp);
	return r;
}

/* --- entry points ------------------------------------------------------ */

uint32_t
sk_api_version(void)
{
	return (uint32_t)SK_API_MAJOR << 16;
}

/* ssh-keygen makes up 32 bytes where no -O challenge= was given. */
#define MADE_UP_CHALLENGE_LEN 32

static void
note_missing_attestation(
    const struct credential *cred, const struct credential_request *req)
{
	if (cred->signature.len > 0)
		return;
	if (req->attestation)
		log_info("no attestation is given, for there was no way to "
			 "ask for a person's presence");
	else if (req->presence)
		log_info("this key needs a person for every signature, and "
			 "there is no way to ask one here; to have a key that "
			 "needs nobody, make it with -O no-touch-required");
}

int
sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len,
    const char *application, uint8_t flags, const char *pin,
    struct sk_option **options, struct sk_enroll_response **enroll_response)
{
	const struct credential_request req = {
		.application = application,
		.challenge = { challenge, challenge_len },
		.pin = pin,
		.presence = (flags & SSH_SK_USER_PRESENCE_REQD) != 0,
		.verification = (flags & SSH_SK_USER_VERIFICATION_REQD) != 0,
		.attestation = challenge_len != MADE_UP_CHALLENGE_LEN,
	};
	struct credential cred = { 0 };
	struct config cfg = { 0 };
	int r;

	if (enroll_response == NULL)
		return SSH_SK_ERR_GENERAL;
	*enroll_response = NULL;
	if ((r = begin(options, &cfg)) == 0 &&
	    (r = check_algorithm(alg)) == 0 &&
	    (r = check_enroll_flags(flags)) == 0 &&
	    (r = credential_make(&cfg, &req, &cred)) == 0 &&
	    (r = pack_credential(&cred, flags, enroll_response)) == 0)
		note_missing_attestation(&cred, &req);
	credential_reset(&cred);
	return finish(r, &cfg);
}

int
sk_sign(uint32_t alg, const uint8_t *data, size_t data_len,
    const char *application, const uint8_t *key_handle, size_t key_handle_len,
    uint8_t flags, const char *pin, struct sk_option **options,
    struct sk_sign_response **sign_response)
{
	const struct assertion_request req = {
		.application = application,
		.message = { data, data_len },
		.key_handle = { key_handle, key_handle_len },
		.pin = pin,
		.presence = (flags & SSH_SK_USER_PRESENCE_REQD) != 0,
		.verification = (flags & SSH_SK_USER_VERIFICATION_REQD) != 0,
	};
	struct assertion assertion = { 0 };
	struct config cfg = { 0 };
	int r;

	if (sign_response == NULL)
		return SSH_SK_ERR_GENERAL;
	*sign_response = NULL;
	if ((r = begin(options, &cfg)) == 0 &&
	    (r = check_algorithm(alg)) == 0 &&
	    (r = credential_assert(&cfg, &req, &assertion)) == 0)
		r = pack_assertion(&assertion, sign_response);
	return finish(r, &cfg);
}

int
sk_load_resident_keys(const char *pin, struct sk_option **options,
    struct sk_resident_key ***rks, size_t *nrks)
{
	struct config cfg = { 0 };
	int r;

	(void)pin;
	if (rks == NULL || nrks == NULL)
		return SSH_SK_ERR_GENERAL;
	*rks = NULL;
	*nrks = 0;
	r = begin(options, &cfg);
	return finish(r, &cfg);
}
