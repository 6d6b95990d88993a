/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "base/text.h"
#include "base/wire.h"
#include "ca/public-key.h"
#include "ca/workdir.h"

#define PUBLIC_KEY_MAX 65536

/* "TYPE BASE64 ...", as of a .pub file. */
static int
parse_public(const char *path, const struct bytes *text, struct bytes *ret)
{
	struct slice in = bytes_slice(text);
	const uint8_t *blob, *end;

	if ((blob = memchr(in.data, ' ', in.len)) == NULL)
		goto bad;
	blob++;
	for (end = blob; end<in.data + in.len && * end> ' '; end++)
		;
	if (base64_decode((struct slice){ blob, (size_t)(end - blob) }, ret) ==
	    0)
		return 0;
bad:
	return fail(FAIL_UNAVAILABLE, "%.200s is no SSH public key", path);
}

int
public_key_read(const char *path, struct bytes *ret_blob)
{
	struct bytes text = { 0 };
	int r;

	if ((r = home_read(path, PUBLIC_KEY_MAX, &text)) == 0)
		r = text.len > 0
		    ? parse_public(path, &text, ret_blob)
		    : fail(FAIL_UNAVAILABLE, "%.200s is empty", path);
	bytes_reset(&text);
	return r;
}

int
public_key_put(struct bytes *out, struct slice blob)
{
	struct slice in = blob, type;
	int r;

	if (!wire_take_string(&in, &type))
		return fail(FAIL_INTERNAL, "that is no public key");
	if ((r = bytes_append(out, type.data, type.len)) != 0 ||
	    (r = bytes_append(out, " ", 1)) != 0 ||
	    (r = base64_put(out, blob)) != 0)
		return r;
	return bytes_append(out, "\n", 1);
}

int
public_key_fingerprint(struct slice blob, char ret[STORE_FINGERPRINT_LEN + 1])
{
	struct text t = { 0 };
	uint8_t digest[32];

	if (!sshkey_fingerprint(blob, digest))
		return fail(FAIL_ARGUMENT, "that is no SSH public key");
	text_add_fingerprint(&t, digest);
	snprintf(
	    ret, STORE_FINGERPRINT_LEN + 1, "%.*s", STORE_FINGERPRINT_LEN, t.s);
	return 0;
}

bool
fingerprint_is_wellformed(const char *text)
{
	const char *base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	return strlen(text) == STORE_FINGERPRINT_LEN &&
	    strncmp(text, "SHA256:", 7) == 0 &&
	    text[7 + strspn(text + 7, base64)] == '\0';
}
