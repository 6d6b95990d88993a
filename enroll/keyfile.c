/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "base/utf8.h"
#include "base/wire.h"
#include "keyfile.h"
#include "ssh/sshkey.h"

#define MAGIC "openssh-key-v1" /* with its terminating zero */
#define BEGIN_LINE "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define END_LINE "-----END OPENSSH PRIVATE KEY-----\n"
#define CURVE "nistp256"
#define BASE64_WIDTH 70
#define MAX_FILE 65536

/* --- writing ----------------------------------------------------------- */

static int
put_private(struct bytes *out, const struct keyfile *key)
{
	uint32_t check;
	int r;

	if (RAND_bytes((uint8_t *)&check, sizeof(check)) != 1)
		return fail(FAIL_INTERNAL, "no random numbers");
	if ((r = wire_put_u32(out, check)) != 0 ||
	    (r = wire_put_u32(out, check)) != 0 ||
	    (r = sshkey_put_ours(out, &key->point, key->application)) != 0 ||
	    (r = bytes_append(out, &key->flags, 1)) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&key->key_handle))) != 0 ||
	    (r = wire_put_text(out, "")) != 0 ||
	    (r = wire_put_text(out, key->comment)) != 0)
		return r;
	for (uint8_t pad = 1; out->len % 8 != 0; pad++)
		if ((r = bytes_append(out, &pad, 1)) != 0)
			return r;
	return 0;
}

static int
encode(const struct keyfile *key, struct bytes *out)
{
	struct bytes public = { 0 }, private = { 0 };
	int r;

	if ((r = sshkey_put_ours(&public, &key->point, key->application)) ==
		0 &&
	    (r = put_private(&private, key)) == 0 &&
	    (r = bytes_append(out, MAGIC, sizeof(MAGIC))) == 0 &&
	    (r = wire_put_text(out, "none")) == 0 &&
	    (r = wire_put_text(out, "none")) == 0 &&
	    (r = wire_put_text(out, "")) == 0 &&
	    (r = wire_put_u32(out, 1)) == 0 &&
	    (r = wire_put_string(out, bytes_slice(&public))) == 0)
		r = wire_put_string(out, bytes_slice(&private));
	bytes_reset(&public);
	bytes_reset(&private);
	return r;
}

/*
 * Appends the comment without control characters. The line goes to terminals
 * and into authorized_keys, and a stranger's key file could have escape
 * sequences or a second line in its comment.
 */
static int
put_comment(struct bytes *out, const char *comment)
{
	struct slice rest = { (const uint8_t *)comment, strlen(comment) };
	int r = 0;

	while (rest.len > 0 && r == 0) {
		size_t n = utf8_length(rest);
		uint8_t c = rest.data[0];
		bool plain = n > 0 && c >= ' ' && c != 0x7f &&
		    !(c == 0xc2 && rest.data[1] < 0xa0); /* C1 */

		if (n == 0)
			n = 1;
		r = plain ? bytes_append(out, rest.data, n)
			  : bytes_append(out, "?", 1);
		rest.data += n;
		rest.len -= n;
	}
	return r;
}

int
keyfile_public_line(const struct keyfile *key, struct bytes *ret)
{
	struct bytes blob = { 0 }, line = { 0 };
	int r;

	if ((r = sshkey_put_ours(&blob, &key->point, key->application)) == 0 &&
	    (r = bytes_append(&line, SSHKEY_OUR_TYPE " ",
		 strlen(SSHKEY_OUR_TYPE) + 1)) == 0 &&
	    (r = base64_put(&line, bytes_slice(&blob))) == 0 &&
	    (r = bytes_append(&line, " ", 1)) == 0 &&
	    (r = put_comment(&line, key->comment)) == 0)
		bytes_move(&line, ret);
	bytes_reset(&blob);
	bytes_reset(&line);
	return r;
}

int
keyfile_fingerprint(const struct keyfile *key, uint8_t ret[32])
{
	struct bytes blob = { 0 };
	int r;

	if ((r = sshkey_put_ours(&blob, &key->point, key->application)) == 0 &&
	    !sshkey_fingerprint(bytes_slice(&blob), ret))
		r = fail(FAIL_INTERNAL, "no fingerprint");
	bytes_reset(&blob);
	return r;
}

int
keyfile_armour(struct slice blob, struct bytes *ret)
{
	struct bytes base64 = { 0 };
	int r;

	if ((r = base64_put(&base64, blob)) != 0 ||
	    (r = bytes_append(ret, BEGIN_LINE, strlen(BEGIN_LINE))) != 0)
		goto out;
	for (size_t at = 0; at < base64.len && r == 0; at += BASE64_WIDTH) {
		size_t n = base64.len - at;

		r = bytes_append(
		    ret, base64.data + at, n < BASE64_WIDTH ? n : BASE64_WIDTH);
		if (r == 0)
			r = bytes_append(ret, "\n", 1);
	}
	if (r == 0)
		r = bytes_append(ret, END_LINE, strlen(END_LINE));
out:
	bytes_reset(&base64);
	return r;
}

static int
private_text(const struct keyfile *key, struct bytes *out)
{
	struct bytes blob = { 0 };
	int r;

	if ((r = encode(key, &blob)) == 0)
		r = keyfile_armour(bytes_slice(&blob), out);
	bytes_reset(&blob);
	return r;
}

int
keyfile_write(
    const struct keyfile *key, const char *path, enum existing_file existing)
{
	struct bytes private = { 0 }, public = { 0 };
	char *public_path = NULL;
	int r;

	if (asprintf(&public_path, "%s.pub", path) == -1)
		return fail(FAIL_MEMORY, "out of memory");
	if ((r = private_text(key, &private)) == 0 &&
	    (r = keyfile_public_line(key, &public)) == 0 &&
	    (r = bytes_append(&public, "\n", 1)) == 0 &&
	    /* Checked before the first of the two is written. */
	    (r = new_file_check(public_path, existing)) == 0 &&
	    (r = new_file_write(path, &private, 0600, existing)) == 0)
		r = new_file_write(public_path, &public, 0644, existing);
	bytes_reset(&private);
	bytes_reset(&public);
	free(public_path);
	return r;
}

int
keyfile_replace(const struct keyfile *key, const char *path)
{
	struct bytes private = { 0 };
	int r;

	if ((r = private_text(key, &private)) == 0)
		r = new_file_write(path, &private, 0600, REPLACE_EXISTING);
	bytes_reset(&private);
	return r;
}

/* --- reading ----------------------------------------------------------- */

static int
not_a_key(const char *why)
{
	return fail(FAIL_ARGUMENT, "not a key file of ours: %s", why);
}

static char *
dup_slice(struct slice s)
{
	return strndup(s.len > 0 ? (const char *)s.data : "", s.len);
}

/* The private section; it begins with two check numbers. */
static int
parse_private(struct slice in, struct keyfile *ret)
{
	struct slice type, curve, point, application, handle, reserved, comment;
	struct keyfile key = { 0 };
	uint32_t check1, check2;
	int r;

	if (!wire_take_u32(&in, &check1) || !wire_take_u32(&in, &check2) ||
	    check1 != check2 || !wire_take_string(&in, &type))
		return not_a_key("damaged");
	if (!slice_is(type, SSHKEY_OUR_TYPE))
		return not_a_key("it holds no ecdsa-sk key");
	if (!wire_take_string(&in, &curve) || !slice_is(curve, CURVE) ||
	    !wire_take_string(&in, &point) || point.len != P256_POINT_LEN ||
	    point.data[0] != 0x04 || !wire_take_string(&in, &application) ||
	    !wire_take_u8(&in, &key.flags) || !wire_take_string(&in, &handle) ||
	    !wire_take_string(&in, &reserved) ||
	    !wire_take_string(&in, &comment))
		return not_a_key("damaged");
	/* The padding to eight bytes is 1, 2, 3 and so on. */
	for (size_t i = 0; i < in.len; i++)
		if (in.len >= 8 || in.data[i] != i + 1)
			return not_a_key("damaged");
	memcpy(key.point.x, point.data + 1, sizeof(key.point.x));
	memcpy(key.point.y, point.data + 33, sizeof(key.point.y));
	if ((r = bytes_set(&key.key_handle, handle.data, handle.len)) != 0)
		return r;
	key.application = dup_slice(application);
	key.comment = dup_slice(comment);
	if (key.application == NULL || key.comment == NULL) {
		keyfile_reset(&key);
		return fail(FAIL_MEMORY, "out of memory");
	}
	*ret = key;
	return 0;
}

static int
parse_blob(struct slice in, struct keyfile *ret)
{
	struct slice cipher, kdf, options, public, private;
	uint32_t n;

	if (in.len < sizeof(MAGIC) ||
	    memcmp(in.data, MAGIC, sizeof(MAGIC)) != 0)
		return not_a_key("not OpenSSH's format");
	in.data += sizeof(MAGIC);
	in.len -= sizeof(MAGIC);
	if (!wire_take_string(&in, &cipher) || !wire_take_string(&in, &kdf) ||
	    !wire_take_string(&in, &options) || !wire_take_u32(&in, &n) ||
	    n != 1 || !wire_take_string(&in, &public) ||
	    !wire_take_string(&in, &private) || in.len != 0)
		return not_a_key("damaged");
	if (!slice_is(cipher, "none"))
		return not_a_key("it is encrypted with a passphrase; remove "
				 "that with ssh-keygen -p");
	return parse_private(private, ret);
}

int
keyfile_parse(struct slice text, struct keyfile *ret)
{
	const size_t begin = strlen(BEGIN_LINE);
	struct bytes blob = { 0 };
	const uint8_t *end;
	uint8_t *packed;
	size_t n = 0;
	int r;

	if (text.len > MAX_FILE || text.len < begin ||
	    memcmp(text.data, BEGIN_LINE, begin) != 0 ||
	    (end = memmem(text.data + begin, text.len - begin, END_LINE,
		 strlen(END_LINE) - 1)) == NULL)
		return not_a_key("not OpenSSH's format");
	if ((packed = malloc(text.len + 1)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	for (const uint8_t *p = text.data + begin; p < end; p++)
		if (*p != '\n' && *p != '\r')
			packed[n++] = *p;
	r = base64_decode((struct slice){ packed, n }, &blob);
	if (r == 0)
		r = parse_blob(bytes_slice(&blob), ret);
	else if (r == FAIL_ARGUMENT)
		r = not_a_key("damaged base64");
	explicit_bzero(packed, text.len);
	free(packed);
	bytes_reset(&blob);
	return r;
}

int
keyfile_read(const char *path, struct keyfile *ret)
{
	const size_t len = strlen(path);
	struct stat st;
	FILE *f = home_open(path, &st);
	uint8_t *text;
	size_t n;
	int r;

	if (f == NULL && errno == EINVAL)
		return fail(FAIL_ARGUMENT, "%s is not a file", path);
	if (f == NULL)
		return file_fail("read", path);
	if ((text = malloc(MAX_FILE + 1)) == NULL) {
		fclose(f);
		return fail(FAIL_MEMORY, "out of memory");
	}
	n = fread(text, 1, MAX_FILE + 1, f);
	fclose(f);
	r = keyfile_parse((struct slice){ text, n }, ret);
	if (r == FAIL_ARGUMENT)
		r = fail(r, "%s is %s%s", path, log_cause(),
		    len > 4 && strcmp(path + len - 4, ".pub") == 0
			? "; name the private file, without .pub"
			: "");
	explicit_bzero(text, n);
	free(text);
	return r;
}

void
keyfile_reset(struct keyfile *key)
{
	bytes_reset(&key->key_handle);
	free(key->application);
	free(key->comment);
	*key = (struct keyfile){ 0 };
}
