/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "attest/machine-id.h"
#include "base/base64.h"
#include "base/sha256.h"

#define PREFIX "SHA256:"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

_Static_assert(MACHINE_ID_LEN == PREFIX_LEN + BASE64_LEN(SHA256_LEN),
    "an id is a prefix and a digest");

int
machine_id(const struct ek_public *ek, char ret[MACHINE_ID_LEN + 1])
{
	uint8_t digest[SHA256_LEN];
	struct bytes spki = { 0 };
	int r;

	if ((r = ek_public_spki(ek, &spki)) == 0 &&
	    (r = sha256(bytes_slice(&spki), digest)) == 0) {
		memcpy(ret, PREFIX, PREFIX_LEN);
		base64_encode(
		    (struct slice){ digest, sizeof(digest) }, ret + PREFIX_LEN);
	}
	bytes_reset(&spki);
	return r;
}

bool
machine_id_is_wellformed(const char *text)
{
	struct bytes digest = { 0 };
	bool good;

	good = strlen(text) == MACHINE_ID_LEN &&
	    strncmp(text, PREFIX, PREFIX_LEN) == 0 &&
	    base64_decode(slice_of_text(text + PREFIX_LEN), &digest) == 0 &&
	    digest.len == SHA256_LEN;
	bytes_reset(&digest);
	return good;
}
