/* SPDX-License-Identifier: ISC */
/* sk-tpm pin */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/guard.h"
#include "authenticator/ask-owner.h"
#include "authenticator/credential.h"
#include "base/error.h"
#include "base/log.h"
#include "command.h"
#include "key/resident.h"
#include "keyref.h"
#include "new-pin.h"
#include "tpm/owner.h"
#include "user/presence.h"

struct pin_change {
	const struct config *cfg;
	struct keyref ref;
	struct resident_key listed; /* the record of a resident key */
	bool owner_has_password;
	struct bytes old_pin, new_pin;
	struct owner_password owner;
	struct bytes key_handle; /* with the new PIN */
};

/* Checks all that could fail before a person types a PIN for it. */
static int
look_before_pin(struct tpm *tpm, void *what)
{
	struct pin_change *c = what;
	int r;

	if (!keyref_is_read(&c->ref) &&
	    ((r = resident_find(tpm, c->ref.index, &c->listed)) != 0 ||
		(r = keyref_of_record(&c->listed, &c->ref)) != 0 ||
		(r = credential_check_has_pin(&c->ref.handle)) != 0))
		return r;
	if ((c->ref.resident || c->ref.handle.persistent != 0) &&
	    (r = owner_has_password(tpm, &c->owner_has_password)) != 0)
		return r;
	return credential_check_ready(tpm, c->cfg, &c->ref.handle);
}

/* Writes a record with the new key handle in place of the old record. */
static int
replace_record(struct tpm *tpm, const struct pin_change *c)
{
	const struct record *old = &c->listed.record;
	struct record rec = { 0 };
	int r;

	if ((r = bytes_set(&rec.application, old->application.data,
		 old->application.len)) == 0 &&
	    (r = bytes_set(&rec.user, old->user.data, old->user.len)) == 0 &&
	    (r = bytes_set(
		 &rec.key_handle, c->key_handle.data, c->key_handle.len)) == 0)
		r = resident_replace(tpm, &c->listed, &rec, c->owner.auth);
	record_reset(&rec);
	return r;
}

static int
change_pin(struct tpm *tpm, void *what)
{
	struct pin_change *c = what;
	int r;

	/* A second try of the connection does not change the PIN again. */
	if (c->key_handle.len == 0 &&
	    (r = credential_change_pin(tpm, c->cfg,
		 bytes_slice(&c->ref.key.key_handle),
		 (const char *)c->old_pin.data, (const char *)c->new_pin.data,
		 &c->key_handle)) != 0)
		return r;
	/* Before the key handle is kept, which would name it no more. */
	if (c->ref.handle.persistent != 0 &&
	    (r = copy_evict(tpm, &c->ref.handle, c->owner.auth, NULL)) != 0)
		return r;
	return c->ref.resident ? replace_record(tpm, c) : 0;
}

int
command_pin(struct invocation *inv)
{
	struct pin_change c = { .cfg = &inv->cfg };
	int r;

	if ((r = keyref_by_name(inv->argv[0], &c.ref)) != 0 ||
	    (!c.ref.resident &&
		(r = credential_check_has_pin(&c.ref.handle)) != 0) ||
	    (r = guard_with(&inv->cfg, look_before_pin, &c)) != 0 ||
	    (r = presence_ask_secret(
		 c.cfg, "Enter the key's PIN: ", &c.old_pin)) != 0 ||
	    (r = new_pin_ask(c.cfg, "Choose a new PIN: ", &c.new_pin)) != 0 ||
	    (c.owner_has_password &&
		(r = owner_password_ask(c.cfg, &c.owner)) != 0) ||
	    (r = guard_with(&inv->cfg, change_pin, &c)) != 0 ||
	    (!c.ref.resident &&
		(r = keyref_replace(inv->argv[0], &c.ref, &c.key_handle)) != 0))
		goto out;
	printf("The PIN is changed. A copy of the key made before, on disk, in "
	       "a backup or in the\nTPM, still signs with the old PIN.\n");
	if (c.ref.handle.persistent != 0)
		printf("Its persistent copy had the old PIN, and is evicted; "
		       "sk-tpm persist makes another.\n");
out:
	bytes_reset(&c.old_pin);
	bytes_reset(&c.new_pin);
	bytes_reset(&c.key_handle);
	owner_password_reset(&c.owner);
	resident_key_reset(&c.listed);
	keyref_reset(&c.ref);
	return r;
}
