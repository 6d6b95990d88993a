/* SPDX-License-Identifier: ISC */
/*
 * What is asked of tpm2-tss for a session, which keeps a PIN from the bus.
 * tpm2-tss itself is replaced: tests/e2e/interposer.sh has an attacker on the
 * bus.
 */
#include "unit.h"

#include <tss2/tss2_tctildr.h>

#include "base/error.h"
#include "base/log.h"
#include "tpm/session.h"

#define SALT_KEY 0x40400001
#define SESSION 0x40418001
#define OBJECT 0x40400002

static TSS2_TCTI_CONTEXT_COMMON_V1 tcti = { .version = 1 };
static struct tpm *tpm;

/* What tpm2-tss answers in turn, and what it was told. */
static TSS2_RC start_rcs[3], attributes_rc, auth_rc;
static unsigned int n_starts, n_flushed;
static TPMA_SESSION attributes;
static TPM2B_AUTH auth;
static ESYS_TR auth_of;

TSS2_RC __wrap_Tss2_TctiLdr_Initialize(const char *, TSS2_TCTI_CONTEXT **);
void __wrap_Tss2_TctiLdr_Finalize(TSS2_TCTI_CONTEXT **);
TSS2_RC __wrap_Esys_StartAuthSession(ESYS_CONTEXT *, ESYS_TR, ESYS_TR, ESYS_TR,
    ESYS_TR, ESYS_TR, const TPM2B_NONCE *, TPM2_SE, const TPMT_SYM_DEF *,
    TPMI_ALG_HASH, ESYS_TR *);
TSS2_RC __wrap_Esys_TRSess_SetAttributes(
    ESYS_CONTEXT *, ESYS_TR, TPMA_SESSION, TPMA_SESSION);
TSS2_RC __wrap_Esys_TR_SetAuth(ESYS_CONTEXT *, ESYS_TR, const TPM2B_AUTH *);
TSS2_RC __wrap_Esys_FlushContext(ESYS_CONTEXT *, ESYS_TR);
int __wrap_nanosleep(const struct timespec *, struct timespec *);

TSS2_RC
__wrap_Tss2_TctiLdr_Initialize(const char *name, TSS2_TCTI_CONTEXT **ret)
{
	(void)name;
	*ret = (TSS2_TCTI_CONTEXT *)&tcti;
	return TSS2_RC_SUCCESS;
}

void
__wrap_Tss2_TctiLdr_Finalize(TSS2_TCTI_CONTEXT **context)
{
	*context = NULL;
}

TSS2_RC
__wrap_Esys_StartAuthSession(ESYS_CONTEXT *esys, ESYS_TR salt_key, ESYS_TR bind,
    ESYS_TR shandle1, ESYS_TR shandle2, ESYS_TR shandle3,
    const TPM2B_NONCE *nonce, TPM2_SE type, const TPMT_SYM_DEF *symmetric,
    TPMI_ALG_HASH hash, ESYS_TR *ret)
{
	(void)esys;
	assert_int_equal(salt_key, SALT_KEY);
	assert_int_equal(bind, ESYS_TR_NONE);
	assert_int_equal(shandle1, ESYS_TR_NONE);
	assert_int_equal(shandle2, ESYS_TR_NONE);
	assert_int_equal(shandle3, ESYS_TR_NONE);
	/* tpm2-tss takes one at random. */
	assert_null(nonce);
	assert_int_equal(type, TPM2_SE_HMAC);
	assert_int_equal(symmetric->algorithm, TPM2_ALG_AES);
	assert_int_equal(symmetric->keyBits.aes, 128);
	assert_int_equal(symmetric->mode.aes, TPM2_ALG_CFB);
	assert_int_equal(hash, TPM2_ALG_SHA256);
	assert_true(n_starts < 3);
	if (start_rcs[n_starts] == TSS2_RC_SUCCESS)
		*ret = SESSION;
	return start_rcs[n_starts++];
}

TSS2_RC
__wrap_Esys_TRSess_SetAttributes(
    ESYS_CONTEXT *esys, ESYS_TR session, TPMA_SESSION values, TPMA_SESSION mask)
{
	(void)esys;
	assert_int_equal(session, SESSION);
	if (attributes_rc == TSS2_RC_SUCCESS)
		attributes =
		    (attributes & (TPMA_SESSION)~mask) | (values & mask);
	return attributes_rc;
}

TSS2_RC
__wrap_Esys_TR_SetAuth(
    ESYS_CONTEXT *esys, ESYS_TR object, const TPM2B_AUTH *value)
{
	(void)esys;
	auth_of = object;
	auth = *value;
	return auth_rc;
}

TSS2_RC
__wrap_Esys_FlushContext(ESYS_CONTEXT *esys, ESYS_TR object)
{
	(void)esys;
	assert_int_equal(object, SESSION);
	n_flushed++;
	return TSS2_RC_SUCCESS;
}

int
__wrap_nanosleep(const struct timespec *wait, struct timespec *rest)
{
	(void)wait;
	(void)rest;
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	memset(start_rcs, 0, sizeof(start_rcs));
	attributes_rc = auth_rc = TSS2_RC_SUCCESS;
	n_starts = n_flushed = 0;
	attributes = 0xff;
	memset(&auth, 0, sizeof(auth));
	return tpm_open("swtpm:", &tpm);
}

static int
tear_down(void **state)
{
	(void)state;
	tpm_close(tpm);
	return 0;
}

static void
test_start(void **state)
{
	ESYS_TR session = ESYS_TR_NONE;

	(void)state;
	assert_int_equal(session_start(tpm, SALT_KEY, &session), 0);
	assert_int_equal(session, SESSION);
	assert_int_equal(n_starts, 1);
	/* It goes on, and encrypts and audits nothing that is not asked for. */
	assert_int_equal(attributes, TPMA_SESSION_CONTINUESESSION);
	assert_int_equal(n_flushed, 0);
}

static void
test_start_is_tried_again(void **state)
{
	ESYS_TR session = ESYS_TR_NONE;

	(void)state;
	start_rcs[0] = TPM2_RC_RETRY;
	start_rcs[1] = TPM2_RC_YIELDED;
	assert_int_equal(session_start(tpm, SALT_KEY, &session), 0);
	assert_int_equal(n_starts, 3);
	assert_int_equal(session, SESSION);
}

static void
test_start_fails(void **state)
{
	ESYS_TR session = ESYS_TR_NONE;

	(void)state;
	start_rcs[0] = TPM2_RC_SESSION_HANDLES;
	assert_int_equal(session_start(tpm, SALT_KEY, &session), FAIL_TPM_FULL);
	assert_int_equal(session, ESYS_TR_NONE);
	assert_int_equal(n_flushed, 0);
	/* One that cannot be set up is not left in the TPM. */
	attributes_rc = TSS2_ESYS_RC_BAD_VALUE;
	assert_int_not_equal(session_start(tpm, SALT_KEY, &session), 0);
	assert_int_equal(session, ESYS_TR_NONE);
	assert_int_equal(n_flushed, 1);
}

static void
test_auth_value(void **state)
{
	uint8_t value[sizeof(auth.buffer) + 1];

	(void)state;
	memset(value, 'p', sizeof(value));
	assert_int_equal(
	    session_set_auth(tpm, OBJECT, (struct slice){ value, 4 }), 0);
	assert_int_equal(auth_of, OBJECT);
	assert_int_equal(auth.size, 4);
	assert_memory_equal(auth.buffer, "pppp", 5);
	assert_int_equal(session_set_auth(tpm, OBJECT,
			     (struct slice){ value, sizeof(auth.buffer) }),
	    0);
	assert_int_equal(auth.size, sizeof(auth.buffer));
	auth.size = 0;
	assert_int_equal(session_set_auth(tpm, OBJECT,
			     (struct slice){ value, sizeof(value) }),
	    FAIL_INTERNAL);
	assert_int_equal(auth.size, 0);
	auth_rc = TSS2_ESYS_RC_BAD_TR;
	assert_int_not_equal(
	    session_set_auth(tpm, OBJECT, (struct slice){ value, 4 }), 0);
}

/* As long as any, so that nothing of a longer one stays. */
static void
test_forget(void **state)
{
	uint8_t zeros[sizeof(auth.buffer)] = { 0 };

	(void)state;
	memset(&auth, 0xee, sizeof(auth));
	session_forget_auth(tpm, OBJECT);
	assert_int_equal(auth_of, OBJECT);
	assert_int_equal(auth.size, sizeof(auth.buffer));
	assert_memory_equal(auth.buffer, zeros, sizeof(zeros));
}

static void
test_encrypt_and_end(void **state)
{
	ESYS_TR session = SESSION, password = ESYS_TR_PASSWORD;

	(void)state;
	attributes = TPMA_SESSION_CONTINUESESSION;
	assert_int_equal(session_encrypt(tpm, session), 0);
	assert_int_equal(
	    attributes, TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT);
	assert_int_equal(session_end_with_next(tpm, session), 0);
	assert_int_equal(attributes, TPMA_SESSION_DECRYPT);
	attributes_rc = TSS2_ESYS_RC_BAD_VALUE;
	assert_int_not_equal(session_encrypt(tpm, session), 0);
	assert_int_not_equal(session_end_with_next(tpm, session), 0);
	session_end(tpm, &password);
	assert_int_equal(password, ESYS_TR_PASSWORD);
	assert_int_equal(n_flushed, 0);
	session_end(tpm, &session);
	assert_int_equal(session, ESYS_TR_NONE);
	assert_int_equal(n_flushed, 1);
}

#define TEST_NAME "session"
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_start),
		TEST(test_start_is_tried_again),
		TEST(test_start_fails),
		TEST(test_auth_value),
		TEST(test_forget),
		TEST(test_encrypt_and_end),
	};

	return RUN(tests);
}
