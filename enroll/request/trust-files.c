/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "base/wire.h"
#include "new-file.h"
#include "request/ssh-keygen.h"
#include "request/trust-files.h"

/* --- the revocation list ----------------------------------------------- */

/* PROTOCOL.krl of OpenSSH: a magic of 8 bytes, the format, the version. */
#define KRL_MAGIC 0x5353484b524c0a00u
#define KRL_FORMAT 1
#define KRL_HEAD 20
#define VERSIONS_AT_ONCE (UINT64_C(1) << 32)

static bool
read_version(struct slice krl, uint64_t *ret)
{
	uint64_t magic;
	uint32_t format;

	return wire_take_u64(&krl, &magic) && magic == KRL_MAGIC &&
	    wire_take_u32(&krl, &format) && format == KRL_FORMAT &&
	    wire_take_u64(&krl, ret);
}

/* A file that is no KRL is there to be replaced. */
static bool
read_version_of_file(const char *path, uint64_t *ret)
{
	uint8_t head[KRL_HEAD] = { 0 };
	struct stat st;
	FILE *f = home_open(path, &st);
	size_t n = 0;

	if (f != NULL) {
		n = fread(head, 1, sizeof(head), f);
		fclose(f);
	}
	return read_version((struct slice){ head, n }, ret);
}

/* ssh-keygen -Q ends by 0 or 1 about the key, and by others for no KRL. */
static int
ask_about(const char *krl, const char *key)
{
	const char *const argv[] = { "ssh-keygen", "-Q", "-f", krl, key, NULL };
	int status, r;

	if ((r = ssh_keygen_quietly(argv, &status)) != 0)
		return r;
	if (status == 1)
		log_info("%s is revoked, by the CA's own list", key);
	else if (status != 0)
		return fail(FAIL_CERTIFICATE,
		    "what the CA sent as its revocation list is none");
	return 0;
}

/* Under a name of its own until it was read. */
static int
write_checked(const char *path, const struct bytes *krl, const char *key)
{
	char *new = NULL;
	int r;

	if (asprintf(&new, "%s.%ld", path, (long)getpid()) == -1)
		return fail(FAIL_MEMORY, "out of memory");
	if ((r = new_file_write(new, krl, 0644, REPLACE_EXISTING)) == 0) {
		if ((r = ask_about(new, key)) == 0 && rename(new, path) != 0)
			r = file_fail("replace", path);
		if (r != 0)
			unlink(new);
	}
	free(new);
	return r;
}

int
krl_put(
    const char *path, const struct bytes *krl, const char *key, bool *ret_older)
{
	uint64_t theirs, ours = 0;
	bool there;

	if (!read_version(bytes_slice(krl), &theirs))
		return fail(FAIL_CERTIFICATE,
		    "what the CA sent as its revocation list is none");
	there = read_version_of_file(path, &ours);
	if (!there)
		ours = 0;
	/* A CA counts its changes; one that leaps ahead could never be
	 * followed. */
	if (theirs > ours && theirs - ours > VERSIONS_AT_ONCE)
		return fail(FAIL_CERTIFICATE,
		    "the CA's revocation list has the version %llu, which no "
		    "CA gets to",
		    (unsigned long long)theirs);
	if (!there || theirs > ours)
		return write_checked(path, krl, key);
	if (ret_older != NULL)
		*ret_older = theirs < ours;
	else if (theirs < ours)
		log_info(
		    "%s is kept: it has version %llu, and the CA sent %llu",
		    path, (unsigned long long)ours, (unsigned long long)theirs);
	return 0;
}

bool
krl_revokes(const char *krl, const char *key)
{
	const char *const argv[] = { "ssh-keygen", "-Q", "-f", krl, key, NULL };
	int status;

	return ssh_keygen_quietly(argv, &status) == 0 && status == 1;
}

/* --- the CA's keys ----------------------------------------------------- */

static int
add_line(const struct bytes *blob, struct bytes *out)
{
	struct slice rest = bytes_slice(blob), type;
	int r;

	if (!wire_take_string(&rest, &type))
		return fail(FAIL_CERTIFICATE, "a key of the CA has no type");
	if ((r = bytes_append(out, type.data, type.len)) != 0 ||
	    (r = bytes_append(out, " ", 1)) != 0 ||
	    (r = base64_put(out, bytes_slice(blob))) != 0)
		return r;
	return bytes_append(out, "\n", 1);
}

int
ca_keys_put(const char *path, const struct ca_reader *came, uint32_t type)
{
	struct bytes lines = { 0 };
	int r = 0;

	for (size_t i = 0; i < came->n_ca_keys && r == 0; i++)
		if (came->ca_keys[i].certificate_type == type)
			r = add_line(&came->ca_keys[i].blob, &lines);
	if (r == 0)
		r = lines.len > 0
		    ? new_file_write(path, &lines, 0644, REPLACE_EXISTING)
		    : fail(FAIL_CERTIFICATE,
			  "the CA sent no key that signs such certificates");
	bytes_reset(&lines);
	return r;
}
