/* SPDX-License-Identifier: ISC */
/* sk-tpm list, show, remove and test */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "base/clock.h"
#include "command.h"
#include "authenticator/credential.h"
#include "base/error.h"
#include "base/home.h"
#include "key/key.h"
#include "base/log.h"
#include "owner.h"
#include "user/pin.h"
#include "user/presence.h"
#include "key/resident.h"
#include "base/text.h"

/* --- list -------------------------------------------------------------- */

static int
list_resident(const struct config *cfg, struct json_object *list)
{
	struct resident_keys keys = { 0 };
	struct tpm *tpm = NULL;
	int r;

	if ((r = tpm_open(cfg->tcti, &tpm)) != 0)
		return r;
	r = resident_list(tpm, &keys);
	tpm_close(tpm);
	for (size_t i = 0; i < keys.n && r == 0; i++) {
		struct keyref ref = { 0 };
		struct text t = { 0 };
		struct json_object *o;
		int wrong;

		o = answer_new();
		wrong = keyref_of_record(&keys.keys[i], &ref);
		if (wrong == 0) {
			r = answer_key(o, &ref);
		} else {
			text_add(&t, "0x%08x", keys.keys[i].index);
			answer_text(o, "index", t.s);
			t = (struct text){ 0 };
			text_add(&t, "%s%s", log_cause(),
			    wrong == FAIL_DAMAGED_RECORD
				? ""
				: "; sk-tpm remove removes it");
			answer_text(o, "error", t.s);
		}
		json_object_array_add(list, o);
		keyref_reset(&ref);
	}
	resident_keys_reset(&keys);
	return r;
}

/* Files that are not ours are no matter; most of ~/.ssh is that. */
static void
list_file(const char *path, struct json_object *list)
{
	struct config none = { 0 };
	struct keyref ref = { 0 };
	struct json_object *o;

	if (keyref_open(&none, path, &ref) != 0)
		return;
	o = answer_new();
	answer_path(o, "file", path);
	answer_bool(
	    o, "made_resident", (ref.key.flags & KEYFILE_RESIDENT) != 0);
	if (answer_key(o, &ref) == 0)
		json_object_array_add(list, o);
	else
		json_object_put(o);
	keyref_reset(&ref);
}

/* `named` is a directory, or NULL for ~/.ssh, which need not be there. */
static int
list_files(const char *named, struct json_object *list)
{
	char *dir = named != NULL ? strdup(named) : home_path(".ssh");
	struct dirent **entries = NULL;
	char *path = NULL;
	int n = dir != NULL ? scandir(dir, &entries, NULL, alphasort) : -1;
	int r = 0;

	if (n == -1 && named != NULL)
		r = fail(FAIL_ARGUMENT, "cannot list the directory %.200s: %s",
		    named, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (asprintf(&path, "%s/%s", dir, entries[i]->d_name) != -1) {
			list_file(path, list);
			free(path);
		}
		free(entries[i]);
	}
	free(entries);
	free(dir);
	return r;
}

/*
 * A key file that was made with a resident key, where the TPM has others of
 * its application and not that one: it was removed, or somebody replaced it.
 */
static void
tell_change(struct json_object *file, struct json_object *residents)
{
	size_t n = json_object_array_length(residents);
	struct text t = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(residents, i);

		if (strcmp(answer_member(o, "application"),
			answer_member(file, "application")) != 0)
			continue;
		if (strcmp(answer_member(o, "fingerprint"),
			answer_member(file, "fingerprint")) == 0)
			return;
		text_add(&t, "%s%s at %s",
		    t.len == 0 ? "not the TPM's resident key any more; for "
				 "this application it has "
			       : ", ",
		    answer_member(o, "fingerprint"), answer_member(o, "index"));
	}
	if (t.len > 0)
		answer_text(file, "changed", t.s);
}

static bool
member_is_true(struct json_object *o, const char *name)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(o, name, &value) &&
	    json_object_get_boolean(value);
}

static void
print_limits(struct json_object *o)
{
	struct json_object *list = NULL;

	if (!json_object_object_get_ex(o, "limits", &list))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		printf("%s%s", i == 0 ? "  only " : ", ",
		    json_object_get_string(json_object_array_get_idx(list, i)));
}

static void
print_table(struct json_object *list, const char *where, const char *title)
{
	size_t n = json_object_array_length(list);

	printf("%s%s\n", title, n == 0 ? ": none" : "");
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *user = answer_member(o, "user");

		if (answer_member(o, "error")[0] != '\0') {
			printf("  %s  %s\n", answer_member(o, where),
			    answer_member(o, "error"));
			continue;
		}
		printf("  %s  %s  %s%s%s%s%s", answer_member(o, where),
		    answer_member(o, "fingerprint"),
		    answer_member(o, "application"), user[0] != '\0' ? " " : "",
		    user, member_is_true(o, "pin") ? "  PIN" : "",
		    member_is_true(o, "presence") ? "" : "  no-touch");
		print_limits(o);
		if (answer_member(o, "nv_bytes")[0] != '\0')
			printf("  %s bytes", answer_member(o, "nv_bytes"));
		putchar('\n');
		if (answer_member(o, "changed")[0] != '\0')
			printf("    %s\n", answer_member(o, "changed"));
	}
}

int
command_list(struct invocation *inv)
{
	struct json_object *o = answer_new(), *residents = answer_new_list(),
			   *files = answer_new_list();
	const char *dir = inv->argc > 0 ? inv->argv[0] : NULL;
	struct text title = { 0 };
	int r;

	answer_object(o, "resident", residents);
	answer_object(o, "files", files);
	/* Files can be told without a TPM, too. */
	if ((r = list_files(dir, files)) != 0) {
		json_object_put(o);
		return r;
	}
	r = list_resident(&inv->cfg, residents);
	for (size_t i = 0; i < json_object_array_length(files); i++) {
		struct json_object *file = json_object_array_get_idx(files, i);

		if (member_is_true(file, "made_resident"))
			tell_change(file, residents);
	}
	if (wants_json(inv)) {
		if (r != 0)
			answer_add_failure(o, r);
		answer_print(o, true);
		return r;
	}
	if (r == 0)
		print_table(residents, "index", "Resident keys");
	text_add(&title, "Key files in %.200s", dir != NULL ? dir : "~/.ssh");
	print_table(files, "file", title.s);
	json_object_put(o);
	return r;
}

/* --- show -------------------------------------------------------------- */

static int
check_loads(struct tpm *tpm, void *what)
{
	const struct keyref *ref = what;

	return key_check(tpm, &ref->handle);
}

int
command_show(struct invocation *inv)
{
	struct json_object *o = answer_new();
	struct keyref ref = { 0 };
	struct bytes line = { 0 };
	int r, loads;

	if ((r = keyref_open_either(&inv->cfg, inv->argv[0], &ref)) != 0 ||
	    (r = answer_key(o, &ref)) != 0 ||
	    (r = keyfile_public_line(&ref.key, &line)) != 0)
		goto out;
	loads = tpm_with(inv->cfg.tcti, check_loads, &ref);
	answer_bool(o, "works_here", loads == 0);
	if (loads != 0)
		answer_text(o, "why_not", log_cause());
	/* Without a comment it would end in a space. */
	if (ref.key.comment[0] == '\0')
		line.len--;
	answer_object(o, "public_key",
	    json_object_new_string_len((const char *)line.data, (int)line.len));
	answer_print(o, wants_json(inv));
	o = NULL;
out:
	json_object_put(o);
	bytes_reset(&line);
	keyref_reset(&ref);
	return r;
}

/* --- remove ------------------------------------------------------------ */

/* `ref` is empty for a record that cannot be read. */
static void
describe_removal(uint32_t index, const struct keyref *ref, struct text *out)
{
	text_add(out, "Remove the resident key 0x%08x ", index);
	if (ref->key.application == NULL) {
		text_add(out, "that cannot be read");
	} else {
		text_add(out, "of ");
		text_add_quoted(out,
		    (struct slice){ (const uint8_t *)ref->key.application,
			strlen(ref->key.application) },
		    64);
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
	r = presence_require(&inv->cfg, &question, false);
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

/* --- test -------------------------------------------------------------- */

static int
take_pin(
    const struct invocation *inv, const struct keyref *ref, struct bytes *ret)
{
	int r;

	if (ref->handle.auth != HANDLE_AUTH_PIN)
		return 0;
	if ((r = credential_check_tries(&inv->cfg)) != 0)
		return r;
	return presence_ask_secret(&inv->cfg, "Enter the key's PIN: ", ret);
}

int
command_test(struct invocation *inv)
{
	struct json_object *o = answer_new();
	struct bytes pin = { 0 };
	struct keyref ref = { 0 };
	struct tpm_totals totals;
	uint64_t start;
	int r;

	if ((r = keyref_open_either(&inv->cfg, inv->argv[0], &ref)) != 0 ||
	    (r = take_pin(inv, &ref, &pin)) != 0)
		goto out;
	tpm_totals_reset();
	start = clock_us();
	if ((r = credential_test(&inv->cfg, bytes_slice(&ref.key.key_handle),
		 (const char *)pin.data)) != 0)
		goto out;
	totals = tpm_totals();
	answer_bool(o, "signature_verified", true);
	answer_real(o, "total_ms", (double)(clock_us() - start) / 1000);
	answer_real(o, "tpm_ms", (double)totals.busy_us / 1000);
	answer_number(o, "tpm_commands", totals.commands);
	answer_print(o, wants_json(inv));
	o = NULL;
out:
	json_object_put(o);
	bytes_reset(&pin);
	keyref_reset(&ref);
	return r;
}
