/* SPDX-License-Identifier: ISC */
/* sk-tpm pin */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authenticator/ask-owner.h"
#include "authenticator/credential.h"
#include "base/error.h"
#include "base/log.h"
#include "command.h"
#include "key/resident.h"
#include "keyref.h"
#include "new-pin.h"
#include "user/presence.h"

struct storing {
	struct record record;
	struct owner_password owner;
};

static int
store(struct tpm *tpm, void *what)
{
	struct storing *s = what;

	return resident_store(tpm, &s->record, s->owner.auth, NULL);
}

/* The record again with the new key handle; the old one goes with it. */
static int
store_record(
    const struct config *cfg, const struct keyref *ref, struct slice key_handle)
{
	struct storing s = { 0 };
	struct record *rec = &s.record;
	int r;

	if ((r = bytes_set(&rec->application, ref->key.application,
		 strlen(ref->key.application))) == 0 &&
	    (r = bytes_set(&rec->user, ref->user.data, ref->user.len)) == 0 &&
	    (r = bytes_set(
		 &rec->key_handle, key_handle.data, key_handle.len)) == 0 &&
	    (r = owner_ask(cfg, &s.owner)) == 0)
		r = tpm_with(cfg->tcti, store, &s);
	owner_reset(&s.owner);
	record_reset(rec);
	return r;
}

/* Somebody may have replaced the key while the PINs were typed. */
static int
check_unchanged(
    const struct config *cfg, const char *name, const struct keyref *before)
{
	struct keyref now = { 0 };
	int r;

	if ((r = keyref_open(cfg, name, &now)) == 0 &&
	    !slice_equal(bytes_slice(&now.key.key_handle),
		bytes_slice(&before->key.key_handle)))
		r = fail(FAIL_ARGUMENT,
		    "%s was changed meanwhile; nothing was written", name);
	keyref_reset(&now);
	return r;
}

/* The file itself, where `name` is a link to it. */
static int
replace_file(const char *name, const struct keyfile *key)
{
	char *path = realpath(name, NULL);
	int r;

	if (path == NULL && errno == ENOMEM)
		return fail(FAIL_MEMORY, "out of memory");
	if (path == NULL)
		return fail(FAIL_ARGUMENT, "cannot find %s any more", name);
	r = keyfile_replace(key, path);
	free(path);
	return r;
}

int
command_pin(struct invocation *inv)
{
	struct bytes old_pin = { 0 }, new_pin = { 0 }, key_handle = { 0 };
	const struct config *cfg = &inv->cfg;
	struct keyref ref = { 0 };
	int r;

	if ((r = keyref_open(cfg, inv->argv[0], &ref)) != 0)
		return r;
	if (ref.handle.auth == HANDLE_AUTH_PIN &&
	    ((r = credential_check_tries(cfg)) != 0 ||
		(r = presence_ask_secret(
		     cfg, "Enter the key's PIN: ", &old_pin)) != 0 ||
		(r = new_pin_ask(cfg, "Choose a new PIN: ", &new_pin)) != 0))
		goto out;
	if ((r = credential_change_pin(cfg, bytes_slice(&ref.key.key_handle),
		 (const char *)old_pin.data, (const char *)new_pin.data,
		 &key_handle)) != 0 ||
	    (r = check_unchanged(cfg, inv->argv[0], &ref)) != 0)
		goto out;
	if (ref.resident) {
		r = store_record(cfg, &ref, bytes_slice(&key_handle));
	} else {
		bytes_move(&key_handle, &ref.key.key_handle);
		r = replace_file(inv->argv[0], &ref.key);
	}
	if (r == 0)
		printf("The PIN is changed. A copy of the key made before, on "
		       "disk, in a backup or in the\nTPM, still signs with "
		       "the old PIN.\n");
out:
	bytes_reset(&old_pin);
	bytes_reset(&new_pin);
	bytes_reset(&key_handle);
	keyref_reset(&ref);
	return r;
}
