/* SPDX-License-Identifier: ISC */
/*
 * What is bound into a key, against the TPM that SK_TPM_TCTI names: no edit of
 * the handle lifts a limit or the question for a person, or has us send an
 * authorization to another program's key.
 */
#include "../unit/unit.h"

#include "../unit/corpus.h"
#include "authenticator/credential.h"
#include "base/error.h"
#include "base/log.h"
#include "key/handle.h"
#include "key/template.h"
#include "tpm/lockout.h"
#include "tpm/object.h"
#include "tpm/primary.h"
#include "tpm/tpm.h"

static struct config cfg;
static struct credential git_only, with_pin;

static int
sign_as(struct slice handle, const char *name)
{
	const struct assertion_request req = {
		.application = "ssh:",
		.message = corpus_read(name),
		.key_handle = handle,
	};
	struct assertion a;

	return credential_assert(&cfg, &req, &a);
}

static void
test_limit_is_kept(void **state)
{
	struct slice handle = bytes_slice(&git_only.key_handle);
	const char *out;
	int r;

	(void)state;
	assert_int_equal(sign_as(handle, "sshsig-git"), 0);
	r = sign_as(handle, "login-hostbound");
	assert_int_equal(r, FAIL_LIMIT);
	out = STDERR_OF(log_failure(r));
	if (strstr(out,
		"limited to signatures for \"git\", and this was: Sign "
		"in to a server with host key SHA256:") == NULL)
		FAIL_MSG("%s", out);
	assert_int_equal(sign_as(handle, "certificate-sk"), FAIL_LIMIT);
	assert_int_equal(sign_as(handle, "sshsig-file"), FAIL_LIMIT);
}

/* Lifts the limits in the handle; the key's public area says otherwise. */
static void
test_edited_limits(void **state)
{
	struct bytes edited = { 0 };
	struct handle h;

	(void)state;
	assert_int_equal(
	    handle_decode(bytes_slice(&git_only.key_handle), &h), 0);
	limits_reset(&h.limits);
	assert_int_equal(handle_encode(&h, &edited), 0);
	assert_int_equal(sign_as(bytes_slice(&edited), "login"), FAIL_HANDLE);
	assert_int_equal(
	    sign_as(bytes_slice(&edited), "sshsig-git"), FAIL_HANDLE);
	handle_reset(&h);
	bytes_reset(&edited);
}

/* Goes one further: puts the new digest into the public area as well. */
static void
test_edited_public_area(void **state)
{
	uint8_t before[HANDLE_BINDING_LEN], after[HANDLE_BINDING_LEN], *at;
	struct bytes edited = { 0 };
	struct handle h;
	int r;

	(void)state;
	assert_int_equal(
	    handle_decode(bytes_slice(&git_only.key_handle), &h), 0);
	assert_int_equal(handle_binding(&h, before), 0);
	limits_reset(&h.limits);
	assert_int_equal(handle_binding(&h, after), 0);
	at =
	    memmem(h.tpm_public.data, h.tpm_public.len, before, sizeof(before));
	assert_non_null(at);
	memcpy(at, after, sizeof(after));
	assert_int_equal(handle_encode(&h, &edited), 0);
	r = sign_as(bytes_slice(&edited), "login");
	assert_int_equal(r, FAIL_HANDLE);
	assert_non_null(strstr(
	    STDERR_OF(log_failure(r)), "the TPM refuses the private area"));
	handle_reset(&h);
	bytes_reset(&edited);
}

/*
 * A key that depends on PCR 7, with another value in its handle or none; then
 * with the public area that would go with that.
 */
static void
test_edited_pcrs(void **state)
{
	const struct credential_request make = {
		.application = "ssh:",
		.challenge = { (const uint8_t *)"c", 1 },
		.pcrs = 1u << 7,
	};
	struct bytes edited = { 0 };
	struct credential cred = { 0 };
	struct handle h;
	int r;

	(void)state;
	assert_int_equal(credential_make(&cfg, &make, &cred), 0);
	assert_int_equal(
	    sign_as(bytes_slice(&cred.key_handle), "sshsig-git"), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(
		    handle_decode(bytes_slice(&cred.key_handle), &h), 0);
		if (i % 2 == 0)
			h.pcr_values[7][0] ^= 1;
		else
			h.pcrs = 0;
		if (i >= 2)
			assert_int_equal(
			    template_public(&h, &cred.point, &h.tpm_public), 0);
		assert_int_equal(handle_encode(&h, &edited), 0);
		r = sign_as(bytes_slice(&edited), "sshsig-git");
		assert_int_equal(r, FAIL_HANDLE);
		assert_non_null(strstr(STDERR_OF(log_failure(r)),
		    i < 2 ? "was altered (attributes)"
			  : "the TPM refuses the private area"));
		handle_reset(&h);
		bytes_reset(&edited);
	}
	credential_reset(&cred);
}

/* The byte of flags in a key file asks for more, and takes nothing away. */
static void
test_presence_is_the_keys(void **state)
{
	const struct credential_request make = {
		.application = "ssh:",
		.challenge = { (const uint8_t *)"c", 1 },
		.flags = CREDENTIAL_PRESENCE,
	};
	struct assertion_request req = {
		.application = "ssh:",
		.message = corpus_read("sshsig-git"),
	};
	struct credential cred = { 0 };
	struct assertion a;

	(void)state;
	assert_int_equal(credential_make(&cfg, &make, &cred), 0);
	req.key_handle = bytes_slice(&cred.key_handle);
	/* Nobody is there to be asked. */
	assert_int_equal(credential_assert(&cfg, &req, &a), FAIL_PRESENCE);
	req.flags = CREDENTIAL_PRESENCE;
	assert_int_equal(credential_assert(&cfg, &req, &a), FAIL_PRESENCE);
	req.key_handle = bytes_slice(&git_only.key_handle);
	assert_int_equal(credential_assert(&cfg, &req, &a), FAIL_PRESENCE);
	req.flags = 0;
	assert_int_equal(credential_assert(&cfg, &req, &a), 0);
	credential_reset(&cred);
}

/*
 * Has *h name the key at `where` as its parent, in its public area as well, and
 * say that the parent is at `said`.
 */
static void
forge_parent(struct handle *h, uint32_t where, uint32_t said)
{
	uint8_t before[HANDLE_BINDING_LEN], after[HANDLE_BINDING_LEN], *at;
	ESYS_TR object = ESYS_TR_NONE;
	struct tpm *tpm = NULL;
	TPM2B_NAME name;

	assert_int_equal(tpm_open(cfg.tcti, &tpm), 0);
	assert_int_equal(tpm_open_handle(tpm, where, "look", &object), 0);
	assert_int_not_equal(object, ESYS_TR_NONE);
	assert_int_equal(tpm_read_back(tpm, object, &name, NULL), 0);
	tpm_close_handle(tpm, &object);
	tpm_close(tpm);
	assert_int_equal(handle_binding(h, before), 0);
	h->parent = said;
	assert_int_equal(name.size, sizeof(h->parent_name));
	memcpy(h->parent_name, name.name, sizeof(h->parent_name));
	assert_int_equal(handle_binding(h, after), 0);
	at = memmem(
	    h->tpm_public.data, h->tpm_public.len, before, sizeof(before));
	assert_non_null(at);
	memcpy(at, after, sizeof(after));
}

static unsigned int
wrong_tries(void)
{
	struct lockout state;
	struct tpm *tpm = NULL;

	assert_int_equal(tpm_open(cfg.tcti, &tpm), 0);
	assert_int_equal(lockout_read(tpm, &state), 0);
	tpm_close(tpm);
	return state.counter;
}

/* A key that cannot be ours is refused, and none of the TPM's tries is spent.
 */
static void
try_forged(const struct credential *cred, const char *pin, uint32_t where,
    uint32_t said)
{
	unsigned int before = wrong_tries();
	struct bytes forged = { 0 };
	const char *out;
	struct handle h;
	int r;

	assert_int_equal(handle_decode(bytes_slice(&cred->key_handle), &h), 0);
	forge_parent(&h, where, said);
	assert_int_equal(handle_encode(&h, &forged), 0);
	for (int i = 0; i < 3; i++) {
		r = credential_test(&cfg, bytes_slice(&forged), pin);
		assert_int_equal(r, FAIL_HANDLE);
		assert_int_equal(wrong_tries(), before);
	}
	out = STDERR_OF(log_failure(r));
	/* And the remedy once. */
	if (strstr(out, "it lacks noDA") == NULL ||
	    strstr(strstr(out, "restore") + 1, "restore") != NULL)
		FAIL_MSG("%s", out);
	handle_reset(&h);
	bytes_reset(&forged);
}

/*
 * A key with a password and without noDA, which TEST_PARENTS names the handles
 * of: an authorization that is sent to it costs a try of the TPM's. A file may
 * name it by that handle, or say that a template has made it.
 */
static void
test_forged_parent_costs_no_try(void **state)
{
	const char *list = getenv("TEST_PARENTS");
	char *end;

	(void)state;
	assert_non_null(list);
	for (; *list != '\0'; list = end) {
		uint32_t where = (uint32_t)strtoul(list, &end, 0);

		try_forged(&git_only, NULL, where, where);
		try_forged(&with_pin, "123456", where, where);
		if (where != PRIMARY_SRK_HANDLE)
			continue;
		for (uint32_t template = HANDLE_PARENT_SRK;
		     template <= HANDLE_PARENT_SRK_ZEROS; template ++) {
			try_forged(&git_only, NULL, where, template);
			try_forged(&with_pin, "123456", where, template);
		}
	}
}

static int
setup(void **state)
{
	const struct slice git = { (const uint8_t *)"git", 3 };
	struct limits limits = { 0 };
	const struct credential_request req = {
		.application = "ssh:",
		.challenge = { (const uint8_t *)"c", 1 },
		.limits = &limits,
	};
	struct limits none = { 0 };
	const struct credential_request req_with_pin = {
		.application = "ssh:",
		.challenge = { (const uint8_t *)"c", 1 },
		.limits = &none,
		.flags = CREDENTIAL_VERIFICATION | CREDENTIAL_PIN_REPEATED,
		.pin = "123456",
	};
	int r;

	(void)state;
	log_begin_secret();
	if (config_load(&cfg) != 0 || limits_allow_namespace(&limits, git) != 0)
		return -1;
	if ((r = credential_make(&cfg, &req, &git_only)) == 0)
		r = credential_make(&cfg, &req_with_pin, &with_pin);
	limits_reset(&limits);
	return r;
}

static int
teardown(void **state)
{
	(void)state;
	credential_reset(&git_only);
	credential_reset(&with_pin);
	config_reset(&cfg);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit_is_kept),
		cmocka_unit_test(test_edited_limits),
		cmocka_unit_test(test_edited_public_area),
		cmocka_unit_test(test_edited_pcrs),
		cmocka_unit_test(test_presence_is_the_keys),
		cmocka_unit_test(test_forged_parent_costs_no_try),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "credential", tests, setup, teardown);
}
