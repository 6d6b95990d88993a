/* SPDX-License-Identifier: ISC */
/* sk-tpm list */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "attest/guard.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "base/text.h"
#include "command.h"
#include "key/copy.h"
#include "key/resident.h"
#include "keyref.h"
#include "tpm/persistent.h"

/* What is persistent in the TPM: all slots, and the keys at our handles. */
struct persistent {
	struct persistent_slots slots;
	struct persistent_keys keys;
};

/* Adds where the key's copy is, if it has one. */
static void
answer_copies(
    struct json_object *o, const struct handle *h, const struct persistent *p)
{
	for (size_t i = 0; i < p->keys.n; i++)
		if (copy_is_of(&p->keys.keys[i], h))
			answer_copy(o, p->keys.keys[i].handle);
}

static bool
has_copy_at(struct json_object *list, const char *handle)
{
	bool has = false;

	for (size_t i = 0; i < json_object_array_length(list); i++)
		has = has ||
		    strcmp(answer_member(json_object_array_get_idx(list, i),
			       "persistent"),
			handle) == 0;
	return has;
}

/* And those at our handles that are of no key that was listed. */
static void
answer_slots(struct json_object *o, const struct persistent *p,
    struct json_object *residents, struct json_object *files)
{
	struct json_object *slots = answer_new(), *others = answer_new_list();

	answer_number(slots, "used", p->slots.used);
	answer_number(slots, "free", p->slots.free);
	for (size_t i = 0; i < p->keys.n; i++) {
		struct text t = { 0 };

		text_add(&t, "0x%08x", p->keys.keys[i].handle);
		if (!has_copy_at(residents, t.s) && !has_copy_at(files, t.s))
			json_object_array_add(
			    others, json_object_new_string(t.s));
	}
	answer_object(slots, "of_no_key", others);
	answer_object(o, "slots", slots);
}

static int
read_tpm(const struct config *cfg, struct resident_keys *ret_keys,
    struct persistent *ret)
{
	struct tpm *tpm = NULL;
	int r;

	if ((r = tpm_open(cfg->tcti, &tpm)) != 0)
		return r;
	if ((r = guard_begin(tpm, cfg)) == 0 &&
	    (r = resident_list(tpm, ret_keys)) == 0 &&
	    (r = persistent_slots(tpm, &ret->slots)) == 0)
		r = copy_list(tpm, &ret->keys);
	tpm_close(tpm);
	return r;
}

static int
list_resident(const struct config *cfg, struct json_object *list,
    struct persistent *persistent)
{
	struct resident_keys keys = { 0 };
	int r;

	r = read_tpm(cfg, &keys, persistent);
	for (size_t i = 0; i < keys.n && r == 0; i++) {
		struct keyref ref = { 0 };
		struct text t = { 0 };
		struct json_object *o;
		int wrong;

		o = answer_new();
		wrong = keyref_of_record(&keys.keys[i], &ref);
		if (wrong == 0) {
			r = answer_key(o, &ref);
			answer_copies(o, &ref.handle, persistent);
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

/* Skips files that hold no key of ours: most files in ~/.ssh do not. */
static void
list_file(const char *path, struct json_object *list,
    const struct persistent *persistent)
{
	struct keyref ref = { 0 };
	struct json_object *o;

	if (keyref_by_name(path, &ref) != 0)
		return;
	o = answer_new();
	answer_path(o, "file", path);
	answer_bool(
	    o, "made_resident", (ref.key.flags & KEYFILE_RESIDENT) != 0);
	answer_copies(o, &ref.handle, persistent);
	if (answer_key(o, &ref) == 0)
		json_object_array_add(list, o);
	else
		json_object_put(o);
	keyref_reset(&ref);
}

/* `named` is a directory, or NULL for ~/.ssh, which may be missing. */
static int
list_files(const char *named, struct json_object *list,
    const struct persistent *persistent)
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
			list_file(path, list, persistent);
			free(path);
		}
		free(entries[i]);
	}
	free(entries);
	free(dir);
	return r;
}

/*
 * Marks a key file whose resident key is not in the TPM any more, while the TPM
 * has others for the same application. The key was removed, or somebody
 * replaced it.
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
		if (answer_member(o, "persistent")[0] != '\0')
			printf(
			    "  persistent %s", answer_member(o, "persistent"));
		print_limits(o);
		if (answer_member(o, "nv_bytes")[0] != '\0')
			printf("  %s bytes", answer_member(o, "nv_bytes"));
		putchar('\n');
		if (answer_member(o, "changed")[0] != '\0')
			printf("    %s\n", answer_member(o, "changed"));
	}
}

static void
print_slots(struct json_object *o)
{
	struct json_object *slots = NULL, *others = NULL;

	if (!json_object_object_get_ex(o, "slots", &slots) ||
	    !json_object_object_get_ex(slots, "of_no_key", &others))
		return;
	printf("Slots for persistent keys: %s used, %s free\n",
	    answer_member(slots, "used"), answer_member(slots, "free"));
	for (size_t i = 0; i < json_object_array_length(others); i++)
		printf("  %s  of none of these keys; sk-tpm evict frees it\n",
		    json_object_get_string(
			json_object_array_get_idx(others, i)));
}

int
command_list(struct invocation *inv)
{
	struct persistent persistent = { 0 };
	struct json_object *o = answer_new(), *residents = answer_new_list(),
			   *files = answer_new_list();
	const char *dir = inv->argc > 0 ? inv->argv[0] : NULL;
	struct text title = { 0 }, cause = { 0 };
	int r, files_failed;

	answer_object(o, "resident", residents);
	answer_object(o, "files", files);
	if ((r = list_resident(&inv->cfg, residents, &persistent)) != 0)
		text_add(&cause, "%s", log_cause());
	/* Files can be listed without a TPM. */
	files_failed = list_files(dir, files, &persistent);
	if (files_failed == 0 && r != 0)
		r = fail(r, "%s", cause.s);
	else if (files_failed == 0)
		answer_slots(o, &persistent, residents, files);
	persistent_keys_reset(&persistent.keys);
	if (files_failed != 0) {
		json_object_put(o);
		return files_failed;
	}
	for (size_t i = 0; i < json_object_array_length(files); i++) {
		struct json_object *file = json_object_array_get_idx(files, i);

		if (member_is_true(file, "made_resident"))
			tell_change(file, residents);
	}
	if (wanted_form(inv) == ANSWER_JSON) {
		if (r != 0)
			answer_add_failure(o, r);
		answer_print(o, ANSWER_JSON);
		return r;
	}
	if (r == 0)
		print_table(residents, "index", "Resident keys");
	text_add(&title, "Key files in %.200s", dir != NULL ? dir : "~/.ssh");
	print_table(files, "file", title.s);
	print_slots(o);
	json_object_put(o);
	return r;
}
