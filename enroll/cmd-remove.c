/* SPDX-License-Identifier: ISC */
/* sk-tpm remove */
#include <stdio.h>
#include <string.h>

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
    const struct invocation *inv, uint32_t index, const struct keyref *ref)
{
	struct presence_question question = { 0 };
	int r;

	if (option_value(inv, OPTION_YES) != NULL)
		return 0;
	describe_removal(index, ref, &question.words);
	r = presence_require(&inv->cfg, &question);
	if (r == FAIL_PRESENCE)
		return fail(FAIL_ARGUMENT,
		    "there is nobody to ask; use --yes to remove it");
	return r;
}

struct removal {
	uint32_t index;
	struct resident_key key;
	bool owner_has_password;
	struct owner_password owner;
};

static int
find_key(struct tpm *tpm, void *what)
{
	struct removal *removal = what;
	int r;

	if ((r = owner_has_password(tpm, &removal->owner_has_password)) != 0)
		return r;
	return resident_find(tpm, removal->index, &removal->key);
}

static int
remove_key(struct tpm *tpm, void *what)
{
	const struct removal *removal = what;

	return resident_remove(tpm, &removal->key, removal->owner.auth);
}

int
command_remove(struct invocation *inv)
{
	const struct config *cfg = &inv->cfg;
	struct removal removal = { 0 };
	struct keyref ref = { 0 };
	int r;

	if (!keyref_parse_index(inv->argv[0], &removal.index))
		return fail(FAIL_ARGUMENT,
		    "\"%.100s\" is not the index of a resident key; sk-tpm "
		    "list prints them; remove a key file with rm",
		    inv->argv[0]);
	if ((r = tpm_with(cfg->tcti, find_key, &removal)) != 0)
		return r;
	/* A key that cannot be read can still be removed. */
	if ((r = keyref_of_record(&removal.key, &ref)) == FAIL_MEMORY ||
	    (r = ask_to_remove(inv, removal.index, &ref)) != 0 ||
	    (removal.owner_has_password &&
		(r = owner_password_ask(cfg, &removal.owner)) != 0) ||
	    (r = tpm_with(cfg->tcti, remove_key, &removal)) != 0)
		goto out;
	printf("Removed the resident key 0x%08x.\n", removal.index);
	if (removal.key.error == 0)
		printf("Key files of it, and agents that have it, go on "
		       "signing. To end that, remove\nits public key where it "
		       "is allowed, as in authorized_keys.\n");
out:
	owner_password_reset(&removal.owner);
	resident_key_reset(&removal.key);
	keyref_reset(&ref);
	return r;
}
