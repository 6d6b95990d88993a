/* SPDX-License-Identifier: ISC */
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>

#include "attest/message.h"
#include "base/error.h"
#include "base/log.h"

int
message_answer(struct slice secret, struct slice lines, uint8_t ret[SHA256_LEN])
{
	uint8_t digest[SHA256_LEN];
	int r;

	/* A TPM would take any, and so answer what was meant for others. */
	if (secret.len != MESSAGE_SECRET_LEN)
		return fail(FAIL_PROTOCOL,
		    "the CA's challenge has a secret of %zu bytes, and not of "
		    "%d",
		    secret.len, MESSAGE_SECRET_LEN);
	if ((r = sha256(lines, digest)) != 0)
		return r;
	if (HMAC(EVP_sha256(), secret.data, MESSAGE_SECRET_LEN, digest,
		sizeof(digest), ret, NULL) == NULL)
		return fail(FAIL_INTERNAL, "HMAC failed");
	return 0;
}

int
message_check_answer(
    struct slice secret, struct slice lines, const uint8_t answer[SHA256_LEN])
{
	uint8_t right[SHA256_LEN];
	int r;

	if ((r = message_answer(secret, lines, right)) != 0)
		return r;
	if (CRYPTO_memcmp(right, answer, sizeof(right)) != 0)
		r = fail(FAIL_EVIDENCE,
		    "the answer is wrong: the TPM has another endorsement key, "
		    "or not this key");
	explicit_bzero(right, sizeof(right));
	return r;
}
