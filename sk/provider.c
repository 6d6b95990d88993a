/* SPDX-License-Identifier: ISC */
/*
 * The four entry points that OpenSSH calls: check, translate, pack. Built once
 * for each layout in sk-api.h, and the only room that knows them.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
apply_option(
    const struct sk_option *option, struct config *cfg, const char **ret_user)
{
	if (option->name == NULL || option->value == NULL)
		return fail(FAIL_ARGUMENT, "an option has no name or value");
	if (strcmp(option->name, "device") == 0)
		return config_set(cfg, "TCTI", option->value, "-O device");
	if (strcmp(option->name, "user") == 0) {
		*ret_user = option->value;
		return 0;
	}
	if (option->required)
		return fail(FAIL_UNSUPPORTED,
		    "option \"%.100s\" is not known; device and user are",
		    option->name);
	log_debug("ignoring option \"%.100s\"", option->name);
	return 0;
}

/*
 * Settings for one call, and what -O user= said (borrowed) or NULL. `secrets`:
 * the call has to do with PINs or passwords.
 */
static int
begin(bool secrets, struct sk_option **options, struct config *cfg,
    const char **ret_user)
{
	int r;

	log_begin(secrets);
	if ((r = config_load(cfg)) != 0)
		return r;
	for (; options != NULL && *options != NULL; options++)
		if ((r = apply_option(*options, cfg, ret_user)) != 0)
			return r;
	log_set_level(cfg->log_level);
	return 0;
}

/* Majors before 10 have no word for it. */
#if SK_API_MAJOR >= 10
#define ERR_EXISTS SSH_SK_ERR_CREDENTIAL_EXISTS
#else
#define ERR_EXISTS SSH_SK_ERR_GENERAL
#endif

/* --- out --------------------------------------------------------------- */

/*
 * ssh and ssh-agent sign without a PIN first and then ask for it: somebody who
 * sees the question needs no line about it. Elsewhere it may be the only word.
 */
static bool
goes_without_saying(int r, bool signing)
{
	return signing && r == FAIL_PIN_REQUIRED && isatty(STDERR_FILENO);
}

/* The one place where a failure becomes a line and one of OpenSSH's codes. */
static int
finish(int r, bool signing, struct config *cfg)
{
	config_reset(cfg);
	if (r == 0)
		return 0;
	if (!goes_without_saying(r, signing))
		log_failure(r);
	switch (r) {
	case FAIL_UNSUPPORTED:
		return SSH_SK_ERR_UNSUPPORTED;
	case FAIL_PIN_REQUIRED:
	case FAIL_WRONG_PIN:
	case FAIL_OWNER_PASSWORD:
		return SSH_SK_ERR_PIN_REQUIRED;
	case FAIL_EXISTS:
		return ERR_EXISTS;
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

static void
free_resident(struct sk_resident_key *rk)
{
	if (rk == NULL)
		return;
	free(rk->application);
	free(rk->key.public_key);
	free(rk->key.key_handle);
#if SK_API_MAJOR >= 9
	free(rk->user_id);
#endif
	free(rk);
}

static void
free_residents(struct sk_resident_key **rks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_resident(rks[i]);
	free(rks);
}

static int
pack_resident(const struct resident_credential *cred, size_t slot,
    struct sk_resident_key **ret)
{
	struct sk_resident_key *rk = calloc(1, sizeof(*rk));
	uint8_t point[FIDO_POINT_LEN];
	int r;

	if (rk == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	rk->alg = SSH_SK_ECDSA;
	rk->slot = slot;
	rk->flags = cred->flags;
#if SK_API_MAJOR >= 9
	rk->key.flags = cred->flags;
	r = pack(
	    cred->user.data, cred->user.len, &rk->user_id, &rk->user_id_len);
	if (r != 0)
		goto out;
#endif
	fido_point_encode(&cred->point, point);
	if ((rk->application = strdup(cred->application)) == NULL) {
		r = fail(FAIL_MEMORY, "out of memory");
		goto out;
	}
	if ((r = pack(point, sizeof(point), &rk->key.public_key,
		 &rk->key.public_key_len)) != 0 ||
	    (r = pack(cred->key_handle.data, cred->key_handle.len,
		 &rk->key.key_handle, &rk->key.key_handle_len)) != 0)
		goto out;
	*ret = rk;
	rk = NULL;
out:
	free_resident(rk);
	return r;
}

static bool
is_wanted(const struct resident_credential *cred, const char *user)
{
	return user == NULL ||
	    slice_equal(bytes_slice(&cred->user),
		(struct slice){ (const uint8_t *)user, strlen(user) });
}

/* `user` is what -O user= asked for; NULL takes all. */
static int
pack_residents(const struct resident_credentials *list, const char *user,
    struct sk_resident_key ***ret, size_t *ret_n)
{
	struct sk_resident_key **rks;
	size_t n = 0;
	int r = 0;

	if (list->n == 0)
		return 0;
	if ((rks = calloc(list->n, sizeof(*rks))) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	for (size_t i = 0; i < list->n && r == 0; i++)
		if (is_wanted(&list->creds[i], user) &&
		    (r = pack_resident(&list->creds[i], i, &rks[n])) == 0)
			n++;
	if (r != 0) {
		free_residents(rks, n);
		return r;
	}
	*ret = rks;
	*ret_n = n;
	return 0;
}

/* --- entry points ------------------------------------------------------ */

uint32_t
sk_api_version(void)
{
	return (uint32_t)SK_API_MAJOR << 16;
}

/* What a resident key is to come back with. */
#define KEPT_FLAGS (SSH_SK_USER_PRESENCE_REQD | SSH_SK_USER_VERIFICATION_REQD)

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
	struct credential_request req = {
		.application = application,
		.challenge = { challenge, challenge_len },
		.pin = pin,
		.presence = (flags & SSH_SK_USER_PRESENCE_REQD) != 0,
		.verification = (flags & SSH_SK_USER_VERIFICATION_REQD) != 0,
		.attestation = challenge_len != MADE_UP_CHALLENGE_LEN,
		.resident = (flags & SSH_SK_RESIDENT_KEY) != 0,
		.overwrite = (flags & SSH_SK_FORCE_OPERATION) != 0,
		.flags = flags & KEPT_FLAGS,
	};
	struct credential cred = { 0 };
	struct config cfg = { 0 };
	int r;

	if (enroll_response == NULL)
		return SSH_SK_ERR_GENERAL;
	*enroll_response = NULL;
	if ((r = begin(true, options, &cfg, &req.user)) == 0 &&
	    (r = check_algorithm(alg)) == 0 &&
	    (r = credential_make(&cfg, &req, &cred)) == 0 &&
	    (r = pack_credential(&cred, flags, enroll_response)) == 0)
		note_missing_attestation(&cred, &req);
	credential_reset(&cred);
	return finish(r, false, &cfg);
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
	const char *user = NULL; /* of no use here */
	struct config cfg = { 0 };
	int r;

	if (sign_response == NULL)
		return SSH_SK_ERR_GENERAL;
	*sign_response = NULL;
	if ((r = begin(pin != NULL, options, &cfg, &user)) == 0 &&
	    (r = check_algorithm(alg)) == 0 &&
	    (r = credential_assert(&cfg, &req, &assertion)) == 0)
		r = pack_assertion(&assertion, sign_response);
	return finish(r, true, &cfg);
}

int
sk_load_resident_keys(const char *pin, struct sk_option **options,
    struct sk_resident_key ***rks, size_t *nrks)
{
	struct resident_credentials list = { 0 };
	const char *user = NULL;
	struct config cfg = { 0 };
	int r;

	(void)pin; /* listing shows nothing that a PIN protects */
	if (rks == NULL || nrks == NULL)
		return SSH_SK_ERR_GENERAL;
	*rks = NULL;
	*nrks = 0;
	if ((r = begin(false, options, &cfg, &user)) == 0 &&
	    (r = credential_list(&cfg, &list)) == 0)
		r = pack_residents(&list, user, rks, nrks);
	resident_credentials_reset(&list);
	return finish(r, false, &cfg);
}
