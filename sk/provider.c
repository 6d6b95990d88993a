/* SPDX-License-Identifier: ISC */
/*
 * The four entry points that OpenSSH calls: check, translate, hand on. Built,
 * as `response` is, once for each layout in sk-api.h; no other file knows
 * them.
 */
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#include "authenticator/credential.h"
#include "base/error.h"
#include "base/log.h"
#include "base/process.h"
#include "fallback/fallback.h"
#include "ssh/caller.h"
#include "user/presence.h"

/* The library hides everything but what this header declares. */
#pragma GCC visibility push(default)
#include "sk-api.h"
#pragma GCC visibility pop

#include "response.h"

/* --- in ---------------------------------------------------------------- */

static int
check_algorithm(uint32_t alg)
{
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
 * OpenSSL 3 puts the names of all its legacy algorithms into each library
 * context on its first use, and tpm2-tss makes a context for each digest. That
 * was most of what a signature cost outside of the TPM. We look nothing up by
 * those names, and ssh-sk-helper ends after one call.
 */
static void
leave_out_legacy_names(void)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
	OPENSSL_init_crypto(
	    OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
	    NULL);
#endif
}

/* Those of OpenSSH's flags that say what a key is to be like. */
#define OPENSSH_FLAGS                                    \
	(CREDENTIAL_PRESENCE | CREDENTIAL_VERIFICATION | \
	    CREDENTIAL_OVERWRITE | CREDENTIAL_RESIDENT)
_Static_assert(CREDENTIAL_PRESENCE == SSH_SK_USER_PRESENCE_REQD &&
	CREDENTIAL_VERIFICATION == SSH_SK_USER_VERIFICATION_REQD &&
	CREDENTIAL_OVERWRITE == SSH_SK_FORCE_OPERATION &&
	CREDENTIAL_RESIDENT == SSH_SK_RESIDENT_KEY,
    "the flags of a credential are not OpenSSH's");

enum call_kind {
	CALL_ENROLL,
	CALL_SIGN,
	CALL_LOAD_RESIDENT,
};

/* One of OpenSSH's calls, from call_begin to call_end. */
struct call {
	enum call_kind kind;
	const char *pin;	    /* NULL if not given */
	struct sk_option **options; /* to be taken as ours; or NULL */
	struct config cfg;
	const char *user; /* of -O user=, borrowed; or NULL */
};

static int
call_begin(struct call *call)
{
	int r;

	/* An enrolment may ask for a secret that was not given with it. */
	if (call->kind == CALL_ENROLL ||
	    (call->kind == CALL_SIGN && call->pin != NULL)) {
		log_begin_secret();
		process_keep_memory();
	} else {
		log_begin();
	}
	leave_out_legacy_names();
	if ((r = config_load(&call->cfg)) != 0)
		return r;
	for (struct sk_option **o = call->options; o != NULL && *o != NULL; o++)
		if ((r = apply_option(*o, &call->cfg, &call->user)) != 0)
			return r;
	log_set_level(call->cfg.log_level);
	return 0;
}

/* OpenSSH's API before 10 has no code for a resident key that exists. */
#if SK_API_MAJOR >= 10
#define ERR_EXISTS SSH_SK_ERR_CREDENTIAL_EXISTS
#else
#define ERR_EXISTS SSH_SK_ERR_GENERAL
#endif

/* --- out --------------------------------------------------------------- */

/*
 * ssh and ssh-agent sign without a PIN first and then ask for it. Who sees that
 * question needs no line about it. Elsewhere the line may be all that is seen:
 * without a terminal, and after ssh-keygen, which asks first, and gives us no
 * PIN where an empty one was entered.
 */
static bool
goes_without_saying(const struct call *call, int r)
{
	return call->kind == CALL_SIGN && r == FAIL_PIN_REQUIRED &&
	    isatty(STDERR_FILENO) && !presence_caller_is("ssh-keygen");
}

/* The one place where a failure becomes a line and one of OpenSSH's codes. */
static int
call_end(struct call *call, int r)
{
	config_reset(&call->cfg);
	if (r == 0)
		return 0;
	if (!goes_without_saying(call, r))
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
	case FAIL_LOST:
	case FAIL_NOT_TPM2:
	case FAIL_NOT_OURS:
	case FAIL_OTHER_TPM:
	case FAIL_NO_TOKEN:
		return SSH_SK_ERR_DEVICE_NOT_FOUND;
	default:
		return SSH_SK_ERR_GENERAL;
	}
}

/* --- entry points ------------------------------------------------------ */

uint32_t
sk_api_version(void)
{
	return (uint32_t)SK_API_MAJOR << 16;
}

/* ssh-keygen draws 32 bytes at random without -O challenge=. */
#define MADE_UP_CHALLENGE_LEN 32

static void
note_missing_attestation(
    const struct credential *cred, const struct credential_request *req)
{
	if (cred->signature.len > 0)
		return;
	if ((req->flags & CREDENTIAL_ATTESTATION) != 0)
		log_info("no attestation is given, for there was no way to "
			 "ask for a person's presence");
	else if ((req->flags & CREDENTIAL_PRESENCE) != 0)
		log_info("this key needs a person for every signature, and "
			 "there is no way to ask one here; to have a key that "
			 "needs nobody, make it with -O no-touch-required");
	else if (caller_says("write-attestation="))
		log_info("no attestation is given, for nobody was asked: the "
			 "challenge has 32 bytes, as the one that ssh-keygen "
			 "makes up; name one of another length with -O "
			 "challenge=");
}

/* The value of an option, or NULL. */
static const char *
option(struct sk_option **options, const char *name)
{
	for (; options != NULL && *options != NULL; options++)
		if ((*options)->name != NULL &&
		    strcmp((*options)->name, name) == 0)
			return (*options)->value;
	return NULL;
}

/*
 * An ed25519 key is another provider's to make. -O device names that one's
 * device, and not our TCTI.
 */
static int
enroll_elsewhere(const struct credential_request *req, uint8_t flags,
    struct sk_option **options, struct sk_enroll_response **ret)
{
	struct helper_enroll_request theirs = {
		.device = option(options, "device"),
		.user = option(options, "user"),
		.application = req->application,
		.challenge = req->challenge,
		.flags = flags,
		.pin = req->pin,
	};
	struct call call = { .kind = CALL_ENROLL, .pin = req->pin };
	struct helper_key key = { 0 };
	int r;

	if ((r = call_begin(&call)) == 0 &&
	    (r = fallback_enroll(&call.cfg, &theirs, &key)) == 0)
		r = response_of_helper_key(&key, ret);
	helper_key_reset(&key);
	return call_end(&call, r);
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
		.flags = flags & OPENSSH_FLAGS,
	};
	struct call call = {
		.kind = CALL_ENROLL,
		.pin = pin,
		.options = options,
	};
	struct credential cred = { 0 };
	int r;

	if (enroll_response == NULL)
		return SSH_SK_ERR_GENERAL;
	*enroll_response = NULL;
	if (challenge_len != MADE_UP_CHALLENGE_LEN)
		req.flags |= CREDENTIAL_ATTESTATION;
	if (alg == SSH_SK_ED25519)
		return enroll_elsewhere(&req, flags, options, enroll_response);
	if ((r = call_begin(&call)) != 0 || (r = check_algorithm(alg)) != 0)
		goto out;
	req.user = call.user;
	if (call.cfg.persistent)
		req.flags |= CREDENTIAL_PERSISTENT;
	if ((r = credential_make(&call.cfg, &req, &cred)) == 0 &&
	    (r = response_of_credential(&cred, flags, enroll_response)) == 0)
		note_missing_attestation(&cred, &req);
out:
	credential_reset(&cred);
	return call_end(&call, r);
}

static int
sign_elsewhere(const struct config *cfg, const struct assertion_request *req,
    uint32_t alg, uint8_t flags, struct sk_sign_response **ret)
{
	struct helper_sign_request theirs = {
		.algorithm =
		    alg == SSH_SK_ED25519 ? HELPER_ED25519 : HELPER_ECDSA,
		.application = req->application,
		.key_handle = req->key_handle,
		.message = req->message,
		.flags = flags,
		.pin = req->pin,
	};
	struct helper_signature sig = { 0 };
	int r;

	if ((r = fallback_sign(cfg, &theirs, &sig)) == 0)
		r = response_of_helper_signature(&sig, ret);
	helper_signature_reset(&sig);
	return r;
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
		.flags = flags & OPENSSH_FLAGS,
	};
	struct call call = {
		.kind = CALL_SIGN,
		.pin = pin,
		.options = options,
	};
	struct assertion assertion;
	int r;

	if (sign_response == NULL)
		return SSH_SK_ERR_GENERAL;
	*sign_response = NULL;
	if ((r = call_begin(&call)) != 0)
		goto out;
	if (alg == SSH_SK_ED25519)
		r = FAIL_NOT_OURS;
	else if ((r = check_algorithm(alg)) == 0 &&
	    (r = credential_assert(&call.cfg, &req, &assertion)) == 0)
		r = response_of_assertion(&assertion, sign_response);
	if (r == FAIL_NOT_OURS)
		r = sign_elsewhere(&call.cfg, &req, alg, flags, sign_response);
out:
	return call_end(&call, r);
}

int
sk_load_resident_keys(const char *pin, struct sk_option **options,
    struct sk_resident_key ***rks, size_t *nrks)
{
	/* The PIN protects nothing of what is handed out here. */
	struct call call = {
		.kind = CALL_LOAD_RESIDENT,
		.pin = pin,
		.options = options,
	};
	struct resident_credentials list = { 0 };
	int r;

	if (rks == NULL || nrks == NULL)
		return SSH_SK_ERR_GENERAL;
	*rks = NULL;
	*nrks = 0;
	if ((r = call_begin(&call)) == 0 &&
	    (r = resident_credentials_list(&call.cfg, &list)) == 0)
		r = response_of_residents(&list, call.user, rks, nrks);
	resident_credentials_reset(&list);
	return call_end(&call, r);
}
