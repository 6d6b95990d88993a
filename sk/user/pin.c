/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "user/pin.h"

/* Hashed with its terminating zero, which ends it before the salt. */
#define DOMAIN "sk-tpm PIN v1"

bool
pin_is_given(const char *pin)
{
	return pin != NULL && pin[0] != '\0';
}

/* Characters where it is UTF-8; every byte that is not counts as one. */
static size_t
count_characters(const char *pin)
{
	struct slice rest = slice_of_text(pin);
	size_t n = 0;

	while (rest.len > 0) {
		size_t len = utf8_length(rest);

		if (len == 0)
			len = 1;
		rest.data += len;
		rest.len -= len;
		n++;
	}
	return n;
}

static int
check_length(const char *pin)
{
	if (strlen(pin) > PIN_MAX_LEN)
		return fail(FAIL_PIN_REQUIRED,
		    "the PIN has %zu bytes; %d are the most", strlen(pin),
		    PIN_MAX_LEN);
	return 0;
}

int
pin_check_new(const char *pin)
{
	if (count_characters(pin) < PIN_MIN_CHARACTERS)
		return fail(FAIL_PIN_REQUIRED,
		    "the PIN is too short; choose one of at least %d "
		    "characters",
		    PIN_MIN_CHARACTERS);
	return check_length(pin);
}

int
pin_auth_value(
    const char *pin, const uint8_t salt[PIN_SALT_LEN], struct bytes *ret)
{
	uint8_t digest[SHA256_LEN];
	struct bytes in = { 0 };
	size_t len = sizeof(digest);
	int r;

	if ((r = check_length(pin)) != 0 ||
	    (r = bytes_append(&in, DOMAIN, sizeof(DOMAIN))) != 0 ||
	    (r = bytes_append(&in, salt, PIN_SALT_LEN)) != 0 ||
	    (r = bytes_append(&in, pin, strlen(pin))) != 0 ||
	    (r = sha256(bytes_slice(&in), digest)) != 0)
		goto out;
	while (len > 0 && digest[len - 1] == 0)
		len--;
	r = bytes_set(ret, digest, len);
out:
	explicit_bzero(digest, sizeof(digest));
	bytes_reset(&in);
	return r;
}
