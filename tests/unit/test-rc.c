/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/error.h"
#include "base/log.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/tcti-watch.h"
#include "tpm/tpm.h"

static void
test_places_are_stripped(void **state)
{
	(void)state;
	assert_int_equal(tpm_rc(TSS2_RC_SUCCESS), TPM2_RC_SUCCESS);
	assert_int_equal(tpm_rc(0x98e), TPM2_RC_AUTH_FAIL);
	assert_int_equal(tpm_rc(0x9a2), TPM2_RC_BAD_AUTH);
	assert_int_equal(tpm_rc(0x18b), TPM2_RC_HANDLE);
	assert_int_equal(tpm_rc(0x1df), TPM2_RC_INTEGRITY);
	assert_int_equal(tpm_rc(0x921), TPM2_RC_LOCKOUT);
	assert_int_equal(tpm_rc(0x902), TPM2_RC_OBJECT_MEMORY);
	/* tpm2-abrmd puts its own layer on the TPM's codes. */
	assert_int_equal(tpm_rc(0xc0000 | 0x902), TPM2_RC_OBJECT_MEMORY);
	/* The TSS's own codes are none of the TPM's. */
	assert_int_equal(tpm_rc(TSS2_TCTI_RC_IO_ERROR), TPM2_RC_NOT_USED);
	assert_int_equal(tpm_rc(TSS2_ESYS_RC_MEMORY), TPM2_RC_NOT_USED);
}

static void
test_classes(void **state)
{
	static const struct {
		TSS2_RC rc;
		int err;
	} cases[] = {
		{ 0x101, FAIL_TPM_FAILURE },
		{ 0x100, FAIL_TPM_FAILURE },
		{ 0x01e, FAIL_NOT_TPM2 },
		{ 0x80001, FAIL_NOT_TPM2 },
		{ 0x902, FAIL_TPM_FULL },
		{ 0x903, FAIL_TPM_FULL },
		{ 0x904, FAIL_TPM_FULL },
		{ 0x922, FAIL_TPM_BUSY },
		{ 0x90a, FAIL_TPM_BUSY },
		{ 0x921, FAIL_LOCKOUT },
		{ 0x1d5, FAIL_TPM },
		{ 0xc0902, FAIL_TPM_FULL },
		{ TSS2_TCTI_RC_IO_ERROR, FAIL_LOST },
		{ TRAFFIC_RC_NO_ANSWER, FAIL_LOST },
		{ TSS2_ESYS_RC_MEMORY, FAIL_MEMORY },
		/* No context could be made, and none was given. */
		{ TSS2_ESYS_RC_BAD_REFERENCE, FAIL_MEMORY },
		{ TSS2_SYS_RC_BAD_REFERENCE, FAIL_MEMORY },
		{ TSS2_ESYS_RC_RSP_AUTH_FAILED, FAIL_FORGED },
		{ TSS2_SYS_RC_MALFORMED_RESPONSE, FAIL_TPM },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(tpm_fail(cases[i].rc, "try"), cases[i].err);
}

/* The debug log names who sent the command. */
static void
test_debug_tells_which_command(void **state)
{
	char begin[256];
	const char *out;
	int at, r = 0;

	(void)state;
	log_set_level(LOG_LEVEL_DEBUG);
	at = __LINE__ + 1;
	out = STDERR_OF(r = tpm_fail(0x1d5, "try"));
	log_set_level(LOG_LEVEL_INFO);
	snprintf(begin, sizeof(begin), "sk-tpm: %s:%d: %s: failure ", __FILE__,
	    at, __func__);
	assert_memory_equal(out, begin, strlen(begin));
	assert_int_equal(r, FAIL_TPM);
}

static void
test_text_names_the_act_and_the_code(void **state)
{
	const char *out;
	int r = tpm_fail(0x1d5, "create a key");

	(void)state;
	out = STDERR_OF(log_failure(r));
	assert_non_null(strstr(out, "the TPM failed to create a key"));
	assert_non_null(strstr(out, "structure is the wrong size"));
	assert_non_null(strstr(out, "0x1d5"));
}

static void
test_only_transient_codes_are_tried_again(void **state)
{
	struct tpm_retry retry = { 0 };

	(void)state;
	assert_false(tpm_again(&retry, TSS2_RC_SUCCESS));
	assert_false(tpm_again(&retry, 0x98e)); /* AUTH_FAIL costs a try */
	assert_false(tpm_again(&retry, 0x9a2));
	assert_false(tpm_again(&retry, 0x921));
	assert_false(tpm_again(&retry, TSS2_TCTI_RC_IO_ERROR));
	assert_int_equal(retry.tries, 0);
	assert_true(tpm_again(&retry, TPM2_RC_RETRY));
	assert_true(tpm_again(&retry, TPM2_RC_TESTING));
	assert_int_equal(retry.tries, 2);
	retry.tries = 1000;
	assert_false(tpm_again(&retry, TPM2_RC_RETRY));
}

static void
test_managed_tctis(void **state)
{
	(void)state;
	assert_true(tpm_tcti_is_managed("device:/dev/tpmrm0"));
	assert_true(tpm_tcti_is_managed("device:/dev/tpmrm1"));
	assert_true(tpm_tcti_is_managed("pcap:device:/dev/tpmrm0"));
	assert_true(tpm_tcti_is_managed("tabrmd"));
	assert_true(tpm_tcti_is_managed("tabrmd:bus_type=session"));
	assert_false(tpm_tcti_is_managed("device:/dev/tpm0"));
	assert_false(tpm_tcti_is_managed("swtpm:port=2321"));
	assert_false(tpm_tcti_is_managed("fault:device:/dev/tpmrm0"));
}

#define TEST_NAME "rc"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places_are_stripped),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_debug_tells_which_command),
		cmocka_unit_test(test_text_names_the_act_and_the_code),
		cmocka_unit_test(test_managed_tctis),
		cmocka_unit_test(test_only_transient_codes_are_tried_again),
	};

	return RUN(tests);
}
