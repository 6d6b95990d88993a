/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "new-file.h"
#include "request/certificate-file.h"
#include "request/ssh-keygen.h"

#define MAX_LINE 65536

int
certificate_file_of(const struct keyref *ref, const char *key_file,
    enum certificate_type type, struct certificate_file *ret)
{
	size_t n = strlen(key_file);
	int r;

	*ret = (struct certificate_file){ .ref = ref, .type = type };
	if (n > 4 && strcmp(key_file + n - 4, ".pub") == 0)
		n -= 4;
	if ((r = sshkey_put_ours(
		 &ret->blob, &ref->key.point, ref->key.application)) != 0)
		return r;
	if (asprintf(&ret->path, "%.*s-cert.pub", (int)n, key_file) == -1) {
		ret->path = NULL;
		return fail(FAIL_MEMORY, "out of memory");
	}
	return 0;
}

void
certificate_file_reset(struct certificate_file *file)
{
	bytes_reset(&file->blob);
	free(file->path);
	file->path = NULL;
}

/* --- the one that is there --------------------------------------------- */

/* "TYPE BASE64 comment" */
bool
certificate_file_read(const char *path, struct bytes *ret)
{
	struct stat st;
	FILE *f = home_open(path, &st);
	char *line = malloc(MAX_LINE), *word = NULL, *rest = NULL;
	bool good = false;

	if (f != NULL && line != NULL && fgets(line, MAX_LINE, f) != NULL &&
	    strtok_r(line, " \n", &rest) != NULL &&
	    (word = strtok_r(NULL, " \n", &rest)) != NULL)
		good = base64_decode(slice_of_text(word), ret) == 0;
	if (f != NULL)
		fclose(f);
	free(line);
	return good;
}

static int
check(const struct certificate_file *file, struct slice blob,
    struct certificate *ret)
{
	const struct certificate_wanted wanted = {
		.key = bytes_slice(&file->blob),
		.type = file->type,
		.now = (uint64_t)time(NULL),
	};

	return certificate_check(blob, &wanted, ret);
}

bool
certificate_file_is_fresh(const struct certificate_file *file)
{
	uint64_t now = (uint64_t)time(NULL);
	struct bytes blob = { 0 };
	struct certificate c;
	bool fresh;

	fresh = certificate_file_read(file->path, &blob) &&
	    check(file, bytes_slice(&blob), &c) == 0 &&
	    (c.valid_before == CERTIFICATE_FOREVER ||
		c.valid_before - now >= (c.valid_before - c.valid_after) / 3);
	bytes_reset(&blob);
	return fresh;
}

bool
certificate_file_is_in_force(const struct certificate_file *file)
{
	struct bytes blob = { 0 };
	struct certificate c;
	bool good;

	good = certificate_file_read(file->path, &blob) &&
	    check(file, bytes_slice(&blob), &c) == 0;
	bytes_reset(&blob);
	return good;
}

bool
certificate_file_is_of(const struct certificate_file *file,
    const struct message_ca_key *keys, size_t n)
{
	struct bytes blob = { 0 };
	struct certificate c;
	bool compared = false, found = false;

	if (certificate_file_read(file->path, &blob) &&
	    check(file, bytes_slice(&blob), &c) == 0)
		for (size_t i = 0; i < n; i++) {
			if (keys[i].certificate_type != (uint32_t)file->type)
				continue;
			compared = true;
			found |= slice_equal(bytes_slice(&keys[i].blob), c.ca);
		}
	bytes_reset(&blob);
	return found || !compared;
}

static bool
is_better(const struct certificate_file *file, const struct certificate *new)
{
	struct bytes blob = { 0 };
	struct certificate old;
	bool better;

	better = certificate_file_read(file->path, &blob) &&
	    check(file, bytes_slice(&blob), &old) == 0 &&
	    slice_equal(old.ca, new->ca) &&
	    slice_equal(old.principals, new->principals) &&
	    old.valid_before > new->valid_before;
	bytes_reset(&blob);
	return better;
}

/* --- the one that was sent --------------------------------------------- */

/* ssh-keygen reads no certificate whose signature is wrong. */
static int
verify_signature(const char *path)
{
	const char *const argv[] = { "ssh-keygen", "-L", "-f", path, NULL };
	int status, r;

	if ((r = ssh_keygen_quietly(argv, &status)) != 0)
		return r;
	if (status != 0)
		return fail(FAIL_CERTIFICATE,
		    "the signature of the CA's certificate is wrong");
	return 0;
}

static int
make_line(const struct certificate_file *file, struct slice blob,
    const struct certificate *c, struct bytes *ret)
{
	const char *comment = file->ref->key.comment;
	int r;

	if ((r = bytes_set(ret, c->type_name.data, c->type_name.len)) != 0 ||
	    (r = bytes_append(ret, " ", 1)) != 0 ||
	    (r = base64_put(ret, blob)) != 0)
		return r;
	if (comment != NULL && comment[0] != '\0' &&
	    ((r = bytes_append(ret, " ", 1)) != 0 ||
		(r = bytes_append(ret, comment, strlen(comment))) != 0))
		return r;
	return bytes_append(ret, "\n", 1);
}

/* Under a name of its own, until it is verified. */
static int
write_verified(const struct certificate_file *file, const struct bytes *line)
{
	char *new = NULL;
	int r;

	if (asprintf(&new, "%s.%ld", file->path, (long)getpid()) == -1)
		return fail(FAIL_MEMORY, "out of memory");
	if ((r = new_file_write(new, line, 0644, REPLACE_EXISTING)) == 0) {
		if ((r = verify_signature(new)) == 0 &&
		    rename(new, file->path) != 0)
			r = file_fail("replace", file->path);
		if (r != 0)
			unlink(new);
	}
	free(new);
	return r;
}

int
certificate_file_put(const struct certificate_file *file, struct slice blob,
    struct certificate *ret_certificate, bool *ret_kept)
{
	struct bytes line = { 0 };
	struct certificate c;
	int r;

	if ((r = check(file, blob, &c)) != 0)
		return r;
	*ret_kept = is_better(file, &c);
	if (!*ret_kept && (r = make_line(file, blob, &c, &line)) == 0)
		r = write_verified(file, &line);
	bytes_reset(&line);
	if (r == 0)
		*ret_certificate = c;
	return r;
}
