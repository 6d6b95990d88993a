/* SPDX-License-Identifier: ISC */
/*
 * What is sent for a signature by TPM handles, byte for byte, and which answers
 * are taken. A TCTI of our own answers.
 */
#include "unit.h"

#include <tss2/tss2_tctildr.h>

#include "base/error.h"
#include "base/log.h"
#include "tpm/bare.h"
#include "tpm/rc.h"

#define KEY 0x80000000u
#define PARENT 0x81000001u

/* Answers in turn, and the last command. */
static struct slice answers[4];
static unsigned int n_answered, n_sent;
static uint8_t sent[1024];
static size_t sent_len;

TSS2_RC __wrap_Tss2_TctiLdr_Initialize(const char *, TSS2_TCTI_CONTEXT **);
void __wrap_Tss2_TctiLdr_Finalize(TSS2_TCTI_CONTEXT **);
int __wrap_nanosleep(const struct timespec *, struct timespec *);

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, uint8_t const *command)
{
	(void)context;
	assert_true(size <= sizeof(sent));
	memcpy(sent, command, size);
	sent_len = size;
	n_sent++;
	return TSS2_RC_SUCCESS;
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	struct slice answer = answers[n_answered];

	(void)context;
	(void)timeout;
	if (response == NULL) {
		*size = 4096;
		return TSS2_RC_SUCCESS;
	}
	n_answered++;
	if (answer.len == 0)
		return TSS2_TCTI_RC_IO_ERROR;
	memcpy(response, answer.data, answer.len);
	*size = answer.len;
	return TSS2_RC_SUCCESS;
}

TSS2_RC
__wrap_Tss2_TctiLdr_Initialize(const char *name, TSS2_TCTI_CONTEXT **ret)
{
	static TSS2_TCTI_CONTEXT_COMMON_V1 tcti = {
		.version = 1,
		.transmit = transmit,
		.receive = receive,
	};

	(void)name;
	*ret = (TSS2_TCTI_CONTEXT *)&tcti;
	return TSS2_RC_SUCCESS;
}

void
__wrap_Tss2_TctiLdr_Finalize(TSS2_TCTI_CONTEXT **context)
{
	*context = NULL;
}

int
__wrap_nanosleep(const struct timespec *wait, struct timespec *left)
{
	(void)wait;
	(void)left;
	return 0;
}

#define BYTES(s) ((struct slice){ (const uint8_t *)(s), sizeof(s) - 1 })

/* A connection that nobody manages, or that tpm2-abrmd does. */
static struct tpm *
open_tpm(const char *tcti)
{
	struct tpm *tpm = NULL;

	n_answered = n_sent = 0;
	memset(answers, 0, sizeof(answers));
	assert_int_equal(tpm_open(tcti, &tpm), 0);
	return tpm;
}

static void
test_nothing_at_a_handle(void **state)
{
	struct tpm *tpm = open_tpm("fake");
	TPM2B_PUBLIC public;
	bool there = true;

	(void)state;
	/* Busy first: sent again. Then: no such handle, of the first handle. */
	answers[0] = BYTES("\x80\1\0\0\0\x0a\0\0\x09\x22");
	answers[1] = BYTES("\x80\1\0\0\0\x0a\0\0\1\x8b");
	assert_int_equal(bare_read_public(tpm, PARENT, &there, &public), 0);
	assert_false(there);
	assert_int_equal(n_sent, 2);
	assert_int_equal(sent_len, 14);
	assert_memory_equal(
	    sent, "\x80\1\0\0\0\x0e\0\0\1\x73\x81\0\0\1", sent_len);
	tpm_close(tpm);
}

static void
test_public_area(void **state)
{
	struct tpm *tpm = open_tpm("fake");
	TPM2B_PUBLIC public;
	bool there = false;

	(void)state;
	/* The smallest that there is: a keyedhash without a scheme. */
	answers[0] =
	    BYTES("\x80\1\0\0\0\x1e\0\0\0\0\0\x0e\0\x08\0\x0b\0\0\0\x40\0\0"
		  "\0\x10\0\0\0\0\0\0");
	assert_int_equal(bare_read_public(tpm, PARENT, &there, &public), 0);
	assert_true(there);
	assert_int_equal(public.publicArea.type, TPM2_ALG_KEYEDHASH);
	assert_int_equal(
	    public.publicArea.objectAttributes, TPMA_OBJECT_USERWITHAUTH);
	tpm_close(tpm);
}

/* A failure is none of "nothing there"; after it no command can be sent. */
static void
test_lost(void **state)
{
	struct tpm *tpm = open_tpm("fake");
	TPM2B_PUBLIC public;
	bool there = true;
	TSS2_RC rc;

	(void)state;
	rc = bare_read_public(tpm, PARENT, &there, &public);
	assert_int_equal(rc, TSS2_TCTI_RC_IO_ERROR);
	assert_true(there);
	tpm_close(tpm);
}

/* The command up to its parameters, and the answer to it. */
#define SIGN_BY_PASSWORD                                             \
	"\x80\2\0\0\0\x4a\0\0\1\x5d\x80\0\0\0" /* the key */         \
	"\0\0\0\x0c\x40\0\0\x09\0\0\0\0\3pwd"  /* RH_PW, its HMAC */ \
	"\0\x20"			       /* the digest's size */
#define SIGN_BY_SESSION                                        \
	"\x80\2\0\0\0\x47\0\0\1\x5d\x80\0\0\0"                 \
	"\0\0\0\x09\3\0\0\1\0\0\0\0\0" /* no nonce, no HMAC */ \
	"\0\x20"
#define SIGNATURE(size, auths)    \
	BYTES("\x80\2\0\0\0" size \
	      "\0\0\0\0\0\0\0\x0a\0\x18\0\x0b\0\1r\0\1s" auths)

static const uint8_t digest[32] = { 1, 2, 3 };

static TSS2_RC
sign(struct bare_auth auth, struct slice answer, TPMT_SIGNATURE *ret)
{
	struct tpm *tpm = open_tpm("fake");
	TSS2_RC rc;

	answers[0] = answer;
	rc = bare_sign(tpm, KEY, &auth, digest, ret);
	tpm_close(tpm);
	return rc;
}

static void
test_password(void **state)
{
	const struct bare_auth auth = {
		.session = TPM2_RS_PW,
		.password = slice_of_text("pwd"),
	};
	struct slice head = BYTES(SIGN_BY_PASSWORD);
	TPMT_SIGNATURE sig;

	(void)state;
	assert_int_equal(sign(auth, SIGNATURE("\x1d", "\0\0\1\0\0"), &sig), 0);
	assert_memory_equal(sent, head.data, head.len);
	assert_memory_equal(sent + head.len, digest, sizeof(digest));
	/* TPM_ALG_NULL is the scheme; then the ticket that certifies nothing */
	assert_memory_equal(sent + head.len + sizeof(digest),
	    "\0\x10\x80\x24\x40\0\0\7\0\0", 10);
	assert_int_equal(sent_len, head.len + sizeof(digest) + 10);
	assert_int_equal(sig.signature.ecdsa.signatureR.buffer[0], 'r');
	assert_int_equal(sig.signature.ecdsa.signatureS.buffer[0], 's');
}

static void
test_policy_session(void **state)
{
	const struct bare_auth auth = { .session = 0x03000001 };
	struct slice head = BYTES(SIGN_BY_SESSION);
	TPMT_SIGNATURE sig;

	(void)state;
	/* The TPM's nonce, which only a session has. */
	assert_int_equal(
	    sign(auth, SIGNATURE("\x1f", "\0\2nn\0\0\0"), &sig), 0);
	assert_memory_equal(sent, head.data, head.len);
}

static void
test_malformed_answers(void **state)
{
	static const struct slice bad[] = {
		/* a nonce, an HMAC; no authorization area */
		{ (const uint8_t *)"\x80\2\0\0\0\x1e\0\0\0\0\0\0\0\x0a\0\x18\0"
				   "\x0b\0\1r\0\1s\0\1n\1\0\0",
		    34 - 4 },
		{ (const uint8_t *)"\x80\2\0\0\0\x1e\0\0\0\0\0\0\0\x0a\0\x18\0"
				   "\x0b\0\1r\0\1s\0\0\1\0\1h",
		    30 },
		{ (const uint8_t *)"\x80\1\0\0\0\x14\0\0\0\0\0\x18\0\x0b\0\1r"
				   "\0\1s",
		    20 },
	};
	TPMT_SIGNATURE sig = { .sigAlg = 0xabcd };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sign(BARE_AUTH_EMPTY, bad[i], &sig),
		    TSS2_SYS_RC_MALFORMED_RESPONSE);
	assert_int_equal(sig.sigAlg, 0xabcd);
}

static void
test_long_password(void **state)
{
	static const uint8_t bytes[sizeof(TPMU_HA) + 1];
	const struct bare_auth auth = {
		.session = TPM2_RS_PW,
		.password = { bytes, sizeof(bytes) },
	};
	const TPM2B_PRIVATE private = { 0 };
	const TPM2B_PUBLIC public = { 0 };
	TPMT_SIGNATURE sig;
	uint32_t object;
	struct tpm *tpm;

	(void)state;
	assert_int_equal(
	    sign(auth, SIGNATURE("\x18", ""), &sig), TSS2_SYS_RC_BAD_SIZE);
	assert_int_equal(n_sent, 0);
	tpm = open_tpm("fake");
	assert_int_equal(
	    bare_load(tpm, PARENT, &auth, &private, &public, &object),
	    TSS2_SYS_RC_BAD_SIZE);
	assert_int_equal(n_sent, 0);
	tpm_close(tpm);
}

/* What is loaded is a transient object: none of ours is to be used after. */
static void
test_loaded_handle(void **state)
{
	static char answer[] = "\x80\2\0\0\0\x19\0\0\0\0\x80\0\0\0\0\0\0\2\0\0"
			       "\0\0\1\0\0";
	const TPM2B_PRIVATE private = { 0 };
	const TPM2B_PUBLIC public = { .publicArea.type = TPM2_ALG_KEYEDHASH,
		.publicArea.parameters.keyedHashDetail.scheme.scheme =
		    TPM2_ALG_NULL };
	uint32_t object = 1;
	struct tpm *tpm;

	(void)state;
	for (int type = 0x80; type >= 0x40; type -= 0x40) {
		answer[10] = (char)type;
		tpm = open_tpm("tabrmd:");
		answers[0] = BYTES(answer);
		if (type == TPM2_HT_TRANSIENT) {
			assert_int_equal(
			    bare_load(tpm, PARENT, &BARE_AUTH_EMPTY, &private,
				&public, &object),
			    0);
			assert_int_equal(object, KEY);
		} else
			assert_int_equal(
			    bare_load(tpm, PARENT, &BARE_AUTH_EMPTY, &private,
				&public, &object),
			    TSS2_SYS_RC_MALFORMED_RESPONSE);
		tpm_close(tpm);
	}
	assert_int_equal(object, KEY);
}

/* A manager does it by itself. */
static void
test_flush(void **state)
{
	struct tpm *tpm = open_tpm("tabrmd:");

	(void)state;
	bare_flush_last(tpm, KEY);
	assert_int_equal(n_sent, 0);
	tpm_close(tpm);
	tpm = open_tpm("fake");
	answers[0] = BYTES("\x80\1\0\0\0\x0a\0\0\0\0");
	bare_flush_last(tpm, KEY);
	assert_int_equal(n_sent, 1);
	assert_memory_equal(
	    sent, "\x80\1\0\0\0\x0e\0\0\1\x65\x80\0\0\0", sent_len);
	tpm_close(tpm);
}

#define TEST_NAME "bare"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_at_a_handle),
		cmocka_unit_test(test_public_area),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_policy_session),
		cmocka_unit_test(test_malformed_answers),
		cmocka_unit_test(test_long_password),
		cmocka_unit_test(test_loaded_handle),
		cmocka_unit_test(test_flush),
	};

	return RUN(tests);
}
