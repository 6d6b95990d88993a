/* SPDX-License-Identifier: ISC */
/* Any message: parsed, described, checked against limits, taken for a key. */
#include <stdint.h>
#include <stdlib.h>

#include "authenticator/limits-check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct limits limits = { .kinds = LIMIT_HOST };
	uint8_t digest[32];
	struct request req;
	struct text words;

	request_parse((struct slice){ data, size }, &req);
	words = *request_describe(&req);
	for (size_t i = 0; i < words.len; i++)
		if (words.s[i] < ' ' || words.s[i] > '~')
			abort();
	if (limits_check(&limits, &req) == 0 &&
	    req.kind != REQUEST_HOST_KEY_PROOF &&
	    req.kind != REQUEST_KEY_EXCHANGE)
		abort();
	if (req.kind == REQUEST_CERTIFICATE &&
	    !certificate_fingerprint(&req.certificate, digest))
		abort();
	(void)!sshkey_fingerprint((struct slice){ data, size }, digest);
	return 0;
}
