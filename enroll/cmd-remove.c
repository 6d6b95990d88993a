/* SPDX-License-Identifier: ISC */
/* sk-tpm remove */
#include <stdio.h>
#include <string.h>

#include "attest/guard.h"
#include "authenticator/ask-owner.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "command.h"
#include "key/resident.h"
#include "keyref.h"
#include "tpm/owner.h"
#include "user/presence.h"

/* `ref` is empty if the record cannot be read. */
static void
describe_removal(uint32_t index, const struct keyref *ref, struct text *out)
{
	text_add(out, "Remove the resident key 0x%08x ", index);
	if (ref->key.application == NULL) {
		text_add(out, "that cannot be read");
	} else {
		text_add(out, "of ");
		text_add_quoted(out, slice_of_text(ref->key.application), 64);
	}
	if (ref->user.len > 0) {
		text_add(out, ", user ");
		text_add_quoted(out, bytes_slice(&ref->user), 64);
	}
	text_add(out, ", for good");
}

static int
ask_to_remove(
    const struct config *cfg, uint32_t index, const struct keyref *ref)
{
	struct presence_question question = { 0 };
	int r;

	describe_removal(index, ref, &question.words);
	r = presence_require(cfg, &question);
	if (r == FAIL_PRESENCE)
		return fail(FAIL_ARGUMENT,
		    "there is nobody to ask; use --yes to remove it");
	return r;
}

struct removal {
	uint32_t index;
	bool agreed;		 /* --yes */
	struct resident_key key; /* what was found, or removed */
	bool owner_has_password;
	struct owner_password owner;
	bool removed;
};

/* Where nobody has to be asked for anything, that is all of it. */
static int
look_or_remove(struct tpm *tpm, void *what)
{
	struct removal *removal = what;
	int r;

	if ((r = owner_has_password(tpm, &removal->owner_has_password)) != 0)
		return r;
	if (!removal->agreed || removal->owner_has_password)
		return resident_find(tpm, removal->index, &removal->key);
	r = resident_remove_at(tpm, removal->index, &removal->key);
	removal->removed = r == 0;
	return r;
}

static int
remove_found(struct tpm *tpm, void *what)
{
	const struct removal *removal = what;

	return resident_remove(tpm, &removal->key, removal->owner.auth);
}

static int
ask_and_remove(const struct config *cfg, struct removal *removal)
{
	struct keyref ref = { 0 };
	int r;

	/* A key that cannot be read can still be removed. */
	if ((r = keyref_of_record(&removal->key, &ref)) == FAIL_MEMORY ||
	    (!removal->agreed &&
		(r = ask_to_remove(cfg, removal->index, &ref)) != 0) ||
	    (removal->owner_has_password &&
		(r = owner_password_ask(cfg, &removal->owner)) != 0))
		goto out;
	r = guard_with(cfg, remove_found, removal);
out:
	keyref_reset(&ref);
	return r;
}

int
command_remove(struct invocation *inv)
{
	struct removal removal = {
		.agreed = option_value(inv, OPTION_YES) != NULL,
	};
	int r;

	if (!keyref_parse_index(inv->argv[0], &removal.index))
		return fail(FAIL_ARGUMENT,
		    "\"%.100s\" is not the index of a resident key; sk-tpm "
		    "list prints them; remove a key file with rm",
		    inv->argv[0]);
	if ((r = guard_with(&inv->cfg, look_or_remove, &removal)) != 0 ||
	    (!removal.removed &&
		(r = ask_and_remove(&inv->cfg, &removal)) != 0))
		goto out;
	printf("Removed the resident key 0x%08x.\n", removal.index);
	if (removal.key.error == 0)
		printf("Key files of it, and agents that have it, go on "
		       "signing. To end that, remove\nits public key where it "
		       "is allowed, as in authorized_keys.\n");
out:
	owner_password_reset(&removal.owner);
	resident_key_reset(&removal.key);
	return r;
}
