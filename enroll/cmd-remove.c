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
#include "user/presence.h"

/* `ref` is empty for a record that cannot be read. */
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
		    "there is nobody to ask; say --yes to remove it");
	return r;
}

struct removal {
	struct resident_key key;
	struct owner_password owner;
};

static int
find(struct tpm *tpm, void *what)
{
	struct removal *removal = what;
	uint32_t index = removal->key.index;

	return resident_find(tpm, index, &removal->key);
}

static int
remove_from(struct tpm *tpm, void *what)
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
	uint32_t index;
	int r;

	if (!keyref_parse_index(inv->argv[0], &index))
		return fail(FAIL_ARGUMENT,
		    "\"%.100s\" is not the index of a resident key; sk-tpm "
		    "list tells them, and a key file is removed with rm",
		    inv->argv[0]);
	removal.key.index = index;
	if ((r = tpm_with(cfg->tcti, find, &removal)) != 0)
		return r;
	/* One that cannot be read can be removed all the same. */
	if ((r = keyref_of_record(&removal.key, &ref)) == FAIL_MEMORY ||
	    (r = ask_to_remove(inv, index, &ref)) != 0 ||
	    (r = owner_ask(cfg, &removal.owner)) != 0 ||
	    (r = tpm_with(cfg->tcti, remove_from, &removal)) != 0)
		goto out;
	printf("Removed the resident key 0x%08x.\n", index);
	if (removal.key.error == 0)
		printf("Key files of it, and agents that have it, go on "
		       "signing; to end that, remove it\nwhere it is allowed, "
		       "as in authorized_keys.\n");
out:
	owner_reset(&removal.owner);
	resident_key_reset(&removal.key);
	keyref_reset(&ref);
	return r;
}
