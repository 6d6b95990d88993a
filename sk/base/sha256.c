/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>

#include "base/error.h"
#include "base/log.h"
#include "base/sha256.h"

int
sha256(struct slice in, uint8_t ret[SHA256_LEN])
{
	if (EVP_Digest(in.data, in.len, ret, NULL, EVP_sha256(), NULL) != 1)
		return fail(FAIL_INTERNAL, "SHA-256 failed");
	return 0;
}

int
sha256_text(const char *text, uint8_t ret[SHA256_LEN])
{
	return sha256(slice_of_text(text), ret);
}
