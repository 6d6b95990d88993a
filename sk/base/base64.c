/* SPDX-License-Identifier: ISC */
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/log.h"

void
base64_encode(struct slice in, char *ret)
{
	EVP_EncodeBlock((unsigned char *)ret, in.data, (int)in.len);
}

int
base64_put(struct bytes *out, struct slice in)
{
	const size_t len = BASE64_LEN(in.len);
	char *text = malloc(len + 1);
	int r;

	if (text == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	base64_encode(in, text);
	r = bytes_append(out, text, len);
	explicit_bzero(text, len);
	free(text);
	return r;
}

int
base64_decode(struct slice in, struct bytes *ret)
{
	struct bytes out = { 0 }, again = { 0 };
	uint8_t *buf;
	int n, r;

	if (in.len == 0 || in.len % 4 != 0 || in.len > INT_MAX)
		return fail(FAIL_ARGUMENT, "damaged base64");
	if ((buf = malloc(in.len)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	/* What stands for padding is decoded as well. */
	n = EVP_DecodeBlock(buf, in.data, (int)in.len) -
	    (in.data[in.len - 1] == '=') - (in.data[in.len - 2] == '=');
	/*
	 * OpenSSL skips white space around the text and takes padding within
	 * it, so that only a comparison tells.
	 */
	if ((r = bytes_set(&out, buf, n > 0 ? (size_t)n : 0)) == 0 &&
	    (r = base64_put(&again, bytes_slice(&out))) == 0 &&
	    !slice_equal(bytes_slice(&again), in))
		r = fail(FAIL_ARGUMENT, "damaged base64");
	if (r == 0)
		bytes_move(&out, ret);
	explicit_bzero(buf, in.len);
	free(buf);
	bytes_reset(&again);
	bytes_reset(&out);
	return r;
}
