/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "attest/guard.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "key/boot-state.h"
#include "key/key.h"
#include "key/load.h"
#include "key/resident.h"
#include "key/template.h"
#include "keyref.h"

bool
keyref_parse_index(const char *name, uint32_t *ret)
{
	unsigned long n;
	char *end;

	if (strncasecmp(name, "0x", 2) != 0)
		return false;
	n = strtoul(name, &end, 16);
	if (*end != '\0' || n < RESIDENT_FIRST || n > RESIDENT_LAST)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static int
from_record(const struct resident_key *rk, struct keyref *ref)
{
	const struct record *rec = &rk->record;
	int r;

	if (rk->error == FAIL_UNFINISHED)
		return fail(FAIL_DAMAGED_RECORD,
		    "the record at 0x%08x is unfinished: it is being written, "
		    "or that was interrupted; sk-tpm remove removes it",
		    rk->index);
	if (rk->error == FAIL_NAME)
		return fail(FAIL_DAMAGED_RECORD,
		    "the application or user in the record at 0x%08x cannot "
		    "be part of a file name; sk-tpm remove removes it",
		    rk->index);
	if (rk->error != 0)
		return fail(FAIL_DAMAGED_RECORD,
		    "the record at 0x%08x is damaged, or of a newer sk-tpm; "
		    "sk-tpm remove removes it",
		    rk->index);
	ref->resident = true;
	ref->index = rk->index;
	ref->size = rk->size;
	ref->key.application =
	    strndup((const char *)rec->application.data, rec->application.len);
	ref->key.comment = strdup("");
	if (ref->key.application == NULL || ref->key.comment == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	if ((r = bytes_set(&ref->user, rec->user.data, rec->user.len)) != 0)
		return r;
	return bytes_set(
	    &ref->key.key_handle, rec->key_handle.data, rec->key_handle.len);
}

/* The rest of the file has to agree with the key handle. */
static int
check_agreement(const struct keyref *ref, const struct ec_point *point)
{
	int r;

	if ((r = handle_check_application(
		 &ref->handle, ref->key.application)) != 0)
		return r;
	if (!ref->resident &&
	    memcmp(point, &ref->key.point, sizeof(*point)) != 0)
		return fail(FAIL_ARGUMENT,
		    "the public key in the file is not the key's own; restore "
		    "the key file");
	if ((ref->key.flags & KEYFILE_VERIFICATION) != 0 &&
	    ref->handle.auth == HANDLE_AUTH_NONE)
		return fail(FAIL_ARGUMENT,
		    "the file says verify-required, but the key has no PIN and "
		    "cannot get one; take that back with ssh-keygen -p -O "
		    "no-verify-required (OpenSSH 10.5), or restore the key "
		    "file");
	return 0;
}

static int
decode_and_check(struct keyref *ref)
{
	struct ec_point point;
	int r;

	if ((r = handle_decode(
		 bytes_slice(&ref->key.key_handle), &ref->handle)) != 0 ||
	    (r = template_point(&ref->handle,
		 bytes_slice(&ref->handle.tpm_public), &point)) != 0)
		return r;
	if (ref->resident)
		/* OpenSSH would write these into the key's file. */
		ref->key.flags =
		    (uint8_t)((ref->handle.presence ? KEYFILE_PRESENCE : 0) |
			(ref->handle.auth != HANDLE_AUTH_NONE
				? KEYFILE_VERIFICATION
				: 0));
	if ((r = check_agreement(ref, &point)) != 0)
		return r;
	ref->key.point = point;
	return 0;
}

int
keyref_of_record(const struct resident_key *rk, struct keyref *ret)
{
	struct keyref ref = { 0 };
	int r;

	if ((r = from_record(rk, &ref)) == 0 &&
	    (r = decode_and_check(&ref)) == 0)
		*ret = ref;
	else
		keyref_reset(&ref);
	return r;
}

int
keyref_by_name(const char *name, struct keyref *ret)
{
	struct keyref ref = { 0 };
	int r = 0;

	ref.resident = keyref_parse_index(name, &ref.index);
	if (ref.resident ||
	    ((r = keyfile_read(name, &ref.key)) == 0 &&
		(r = decode_and_check(&ref)) == 0))
		*ret = ref;
	else
		keyref_reset(&ref);
	return r;
}

bool
keyref_is_read(const struct keyref *ref)
{
	return ref->key.key_handle.len > 0;
}

int
keyref_fetch(struct tpm *tpm, struct keyref *ref)
{
	struct resident_key key = { 0 };
	int r;

	if (keyref_is_read(ref))
		return 0;
	if ((r = resident_find(tpm, ref->index, &key)) == 0)
		r = keyref_of_record(&key, ref);
	resident_key_reset(&key);
	return r;
}

static int
fetch_and_load(struct tpm *tpm, void *what)
{
	struct keyref *ref = what;
	struct checked_key key;
	int r;

	if ((r = keyref_fetch(tpm, ref)) != 0 ||
	    (r = key_check(&ref->handle, &key)) != 0 ||
	    (r = copy_look(tpm, &ref->handle, &ref->copy)) != 0 ||
	    (r = key_try_load(tpm, &key)) != 0)
		return r;
	return boot_state_check(tpm, &ref->handle);
}

int
keyref_load(const struct config *cfg, const char *name, struct keyref *ret,
    int *ret_loads)
{
	struct keyref ref = { 0 };
	int r;

	if ((r = keyref_by_either_name(name, &ref)) != 0)
		return r;
	r = guard_with(cfg, fetch_and_load, &ref);
	if (!keyref_is_read(&ref))
		return r;
	*ret_loads = r;
	*ret = ref;
	return 0;
}

/* Compares type and base64. The comment may differ. */
int
keyref_check_public(const struct keyref *ref, const char *path)
{
	struct bytes line = { 0 };
	struct stat st;
	FILE *f = home_open(path, &st);
	char *text = NULL;
	size_t size = 0, n;
	int r;

	if (f == NULL)
		return fail(
		    FAIL_ARGUMENT, "cannot read %s: %s", path, strerror(errno));
	if (getline(&text, &size, f) == -1)
		r = fail(FAIL_ARGUMENT, "%s is empty", path);
	else if ((r = keyfile_public_line(&ref->key, &line)) == 0) {
		n = line.len - strlen(ref->key.comment) - 1;
		if (strncmp(text, (const char *)line.data, n) != 0 ||
		    strchr(" \r\n", text[n]) == NULL)
			r = fail(FAIL_ARGUMENT,
			    "%s is the public half of another key", path);
	}
	fclose(f);
	free(text);
	bytes_reset(&line);
	return r;
}

int
keyref_check_is_file(const struct keyref *ref)
{
	if (!ref->resident)
		return 0;
	return fail(FAIL_ARGUMENT,
	    "0x%08x is a resident key; name a key file of it", ref->index);
}

int
keyref_replace(const char *name, struct keyref *ref, struct bytes *key_handle)
{
	char *path = realpath(name, NULL);
	struct keyfile now = { 0 };
	int r;

	if (path == NULL && errno == ENOMEM)
		return fail(FAIL_MEMORY, "out of memory");
	if (path == NULL)
		return fail(FAIL_ARGUMENT, "cannot find %s any more", name);
	if ((r = keyfile_read(path, &now)) == 0 &&
	    !slice_equal(bytes_slice(&now.key_handle),
		bytes_slice(&ref->key.key_handle)))
		r = fail(FAIL_ARGUMENT,
		    "%s was changed meanwhile; nothing was written", name);
	if (r == 0) {
		bytes_move(&now.key_handle, &ref->key.key_handle);
		bytes_move(key_handle, &now.key_handle);
		r = keyfile_replace(&now, path);
		if (r == 0)
			bytes_move(&now.key_handle, &ref->key.key_handle);
	}
	keyfile_reset(&now);
	free(path);
	return r;
}

int
keyref_by_either_name(const char *name, struct keyref *ret)
{
	const size_t n = strlen(name), suffix = strlen(".pub");
	struct keyref ref = { 0 };
	char *private;
	int r;

	if (n <= suffix || strcmp(name + n - suffix, ".pub") != 0)
		return keyref_by_name(name, ret);
	if ((private = strndup(name, n - suffix)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	if (access(private, F_OK) != 0)
		r = fail(FAIL_ARGUMENT,
		    "%s is a public key, and its key file %s is not here", name,
		    private);
	else if ((r = keyref_by_name(private, &ref)) == 0 &&
	    (r = keyref_check_public(&ref, name)) == 0)
		*ret = ref;
	if (r != 0)
		keyref_reset(&ref);
	free(private);
	return r;
}

void
keyref_reset(struct keyref *ref)
{
	bytes_reset(&ref->user);
	keyfile_reset(&ref->key);
	handle_reset(&ref->handle);
	*ref = (struct keyref){ 0 };
}
