/* SPDX-License-Identifier: ISC */
/*
 * A TPM that answers anything. The first byte says what is asked of it, and
 * the rest is its answers, each with a 16-bit length before it; then its
 * connection breaks. Nothing it says may crash us or pass for a signature that
 * is none.
 *
 * With FUZZ_TPM_RECORD=tcti in the environment, that TPM answers instead, and
 * what it said is added to the file FUZZ_TPM_SEED in this format: a seed.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tctildr.h>

#include "authenticator/authdata.h"
#include "authenticator/credential.h"
#include "authenticator/resident-credential.h"
#include "base/log.h"
#include "base/wire.h"
#include "key/handle.h"
#include "key/key.h"
#include "tpm/retry.h"
#include "tpm/tpm.h"

#define MAGIC 0x66757a7a74706d01ULL
#define HANDLES "tests/fuzz/tpm-handles/"

enum operation {
	ENROLL,
	ENROLL_PIN,
	SIGN,
	SIGN_PIN,
	LIST,
	TEST_PIN,
	N_OPERATIONS
};

static struct bytes no_pin, with_pin; /* key handles */
static char tcti[] = "fuzz";
static struct config cfg = {
	.tcti = tcti,
	.user_presence = USER_PRESENCE_ASSUME,
	.log_level = LOG_LEVEL_ERROR,
};

/* --- the TPM ----------------------------------------------------------- */

static struct {
	TSS2_TCTI_CONTEXT_COMMON_V1 common;
	TSS2_TCTI_CONTEXT *inner; /* when recording */
	struct slice answers;	  /* still to come */
} tpm;

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, uint8_t const *command)
{
	(void)context;
	return tpm.inner != NULL ? Tss2_Tcti_Transmit(tpm.inner, size, command)
				 : TSS2_RC_SUCCESS;
}

static void
add_to_seed(const uint8_t *data, size_t size)
{
	FILE *f = fopen(getenv("FUZZ_TPM_SEED"), "ab");

	if (f == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0)
		abort();
}

static void
record(size_t size, const uint8_t *answer)
{
	const uint8_t length[] = { (uint8_t)(size >> 8), (uint8_t)size };

	add_to_seed(length, sizeof(length));
	add_to_seed(answer, size);
}

static bool
next_answer(struct slice *ret)
{
	uint8_t high, low;

	if (!wire_take_u8(&tpm.answers, &high) ||
	    !wire_take_u8(&tpm.answers, &low))
		return false;
	ret->len = (size_t)high << 8 | low;
	if (ret->len > tpm.answers.len)
		return false;
	ret->data = tpm.answers.data;
	tpm.answers.data += ret->len;
	tpm.answers.len -= ret->len;
	return true;
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	struct slice answer;
	TSS2_RC rc;

	(void)context;
	if (response == NULL) {
		*size = 4096;
		return TSS2_RC_SUCCESS;
	}
	if (tpm.inner != NULL) {
		rc = Tss2_Tcti_Receive(tpm.inner, size, response, timeout);
		if (rc == TSS2_RC_SUCCESS)
			record(*size, response);
		return rc;
	}
	if (!next_answer(&answer))
		return TSS2_TCTI_RC_IO_ERROR;
	if (answer.len > *size)
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	memcpy(response, answer.data, answer.len);
	*size = answer.len;
	return TSS2_RC_SUCCESS;
}

/* Instead of loading a library. */
TSS2_RC __wrap_Tss2_TctiLdr_Initialize(
    const char *conf, TSS2_TCTI_CONTEXT **ret);
TSS2_RC __real_Tss2_TctiLdr_Initialize(
    const char *conf, TSS2_TCTI_CONTEXT **ret);
void __wrap_Tss2_TctiLdr_Finalize(TSS2_TCTI_CONTEXT **context);
void __real_Tss2_TctiLdr_Finalize(TSS2_TCTI_CONTEXT **context);

TSS2_RC
__wrap_Tss2_TctiLdr_Initialize(const char *conf, TSS2_TCTI_CONTEXT **ret)
{
	const char *real = getenv("FUZZ_TPM_RECORD");

	(void)conf;
	tpm.common = (TSS2_TCTI_CONTEXT_COMMON_V1){
		.magic = MAGIC,
		.version = 1,
		.transmit = transmit,
		.receive = receive,
	};
	*ret = (TSS2_TCTI_CONTEXT *)&tpm;
	return real != NULL ? __real_Tss2_TctiLdr_Initialize(real, &tpm.inner)
			    : TSS2_RC_SUCCESS;
}

void
__wrap_Tss2_TctiLdr_Finalize(TSS2_TCTI_CONTEXT **context)
{
	if (tpm.inner != NULL)
		__real_Tss2_TctiLdr_Finalize(&tpm.inner);
	*context = NULL;
}

static unsigned int waits;

/* A busy TPM is asked again, but not after a while. */
int __wrap_nanosleep(const struct timespec *wait, struct timespec *rest);

int
__wrap_nanosleep(const struct timespec *wait, struct timespec *rest)
{
	(void)wait;
	(void)rest;
	waits++;
	return 0;
}

/* --- what is asked of it ----------------------------------------------- */

static void
read_handle(const char *path, struct bytes *ret)
{
	uint8_t buf[HANDLE_MAX_LEN];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL || (n = fread(buf, 1, sizeof(buf), f)) == 0 ||
	    bytes_set(ret, buf, n) != 0) {
		fprintf(stderr,
		    "fuzz-tpm: no %s; run it in the top directory\n", path);
		exit(2);
	}
	fclose(f);
}

static void
enroll(bool pin)
{
	const struct credential_request req = {
		.application = "ssh:",
		.challenge = { (const uint8_t *)"challenge", 9 },
		.pin = pin ? "123456" : NULL,
		.flags = pin ? CREDENTIAL_VERIFICATION : 0,
	};
	struct credential cred = { 0 };

	(void)!credential_make(&cfg, &req, &cred);
	credential_reset(&cred);
}

/* What is returned as a signature is one. */
static void
check(const struct assertion_request *req, const struct assertion *a)
{
	uint8_t digest[SHA256_LEN];
	struct handle h = { 0 };
	struct checked_key key;

	if (handle_decode(req->key_handle, &h) != 0 ||
	    key_check(&h, &key) != 0 ||
	    fido_assertion_digest(
		req->application, a->flags, req->message, digest) != 0 ||
	    p256_verify(&key.point, digest, &a->signature) != 0)
		abort();
	handle_reset(&h);
}

static void
sign(const struct bytes *key_handle, const char *pin)
{
	const struct assertion_request req = {
		.application = "ssh:",
		.message = { (const uint8_t *)"message", 7 },
		.key_handle = bytes_slice(key_handle),
		.pin = pin,
		.flags = pin != NULL ? CREDENTIAL_VERIFICATION : 0,
	};
	struct assertion a = { 0 };

	if (credential_assert(&cfg, &req, &a) == 0)
		check(&req, &a);
}

static void
list(void)
{
	struct resident_credentials found = { 0 };

	(void)!resident_credentials_list(&cfg, &found);
	resident_credentials_reset(&found);
}

static void
run(enum operation operation)
{
	switch (operation) {
	case ENROLL:
		enroll(false);
		break;
	case ENROLL_PIN:
		enroll(true);
		break;
	case SIGN:
		sign(&no_pin, NULL);
		break;
	case SIGN_PIN:
		sign(&with_pin, "123456");
		break;
	case LIST:
		list();
		break;
	case TEST_PIN:
		(void)!credential_test(&cfg, bytes_slice(&with_pin), "123456");
		break;
	case N_OPERATIONS:
		break;
	}
}

static void
answer(const uint8_t *data, size_t size)
{
	tpm.answers = (struct slice){ data + 1, size - 1 };
	tpm_retry_reset();
	run(data[0] % N_OPERATIONS);
}

/*
 * A TPM that is busy for good is given up after as many waits, however many
 * came before: inputs that are tried late are tried as well as the first.
 * (tpm2-tss itself sends each command some times before that.)
 */
static void
check_waits(void)
{
	static const uint8_t retry[] = { 0, 10, 0x80, 0x01, 0, 0, 0, 10, 0, 0,
		0x09, 0x22 };
	uint8_t input[1 + 120 * sizeof(retry)] = { SIGN };
	unsigned int before, first = 0;

	for (size_t i = 1; i < sizeof(input); i += sizeof(retry))
		memcpy(input + i, retry, sizeof(retry));
	for (int i = 0; i < 4; i++) {
		before = waits;
		answer(input, sizeof(input));
		if (i == 0)
			first = waits;
		if (first == 0 || waits - before != first)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (no_pin.len == 0) {
		read_handle(HANDLES "no-pin", &no_pin);
		read_handle(HANDLES "pin", &with_pin);
		log_begin_secret();
		log_set_level(LOG_LEVEL_ERROR);
		if (getenv("FUZZ_TPM_RECORD") == NULL)
			check_waits();
	}
	if (size == 0)
		return 0;
	if (getenv("FUZZ_TPM_RECORD") != NULL)
		add_to_seed(data, 1);
	answer(data, size);
	return 0;
}
