/* SPDX-License-Identifier: ISC */
/*
 * Limits on a key's use, against the TPM that SK_TPM_TCTI names: kept by the
 * software, and bound into the key so that no edit of the handle lifts them.
 */
#include "../unit/unit.h"

#include "../unit/corpus.h"
#include "credential.h"
#include "error.h"
#include "handle.h"
#include "log.h"

static struct config cfg;
static struct credential git_only;

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
	int r;

	(void)state;
	log_begin(true);
	if (config_load(&cfg) != 0 || limits_allow_namespace(&limits, git) != 0)
		return -1;
	r = credential_make(&cfg, &req, &git_only);
	limits_reset(&limits);
	return r;
}

static int
teardown(void **state)
{
	(void)state;
	credential_reset(&git_only);
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
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "credential", tests, setup, teardown);
}
