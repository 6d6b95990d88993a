/* SPDX-License-Identifier: ISC */
/* sk-tpm-ca machine: what the CA knows of machines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "ca/command.h"
#include "ca/public-key.h"

#define LINE_MAX_LEN 4096
#define IDS_MAX 16

/* --- add --------------------------------------------------------------- */

struct adding {
	const char *name, *profile, *key;
	const char *ids[IDS_MAX];
	size_t n_ids;
	struct text said; /* for the audit log */
};

static int
check_adding(const struct ca_invocation *inv, const struct adding *a)
{
	if (!name_is_wellformed(a->name))
		return fail(FAIL_ARGUMENT,
		    "\"%.100s\" cannot be a machine's name; use lower case "
		    "letters, digits, dots and hyphens, %d at most",
		    a->name, STORE_NAME_MAX);
	if (a->n_ids == 0)
		return fail(FAIL_ARGUMENT,
		    "machine %s needs an id; sk-tpm setup prints it on the "
		    "machine",
		    a->name);
	for (size_t i = 0; i < a->n_ids; i++)
		if (!machine_id_is_wellformed(a->ids[i]))
			return fail(FAIL_ARGUMENT,
			    "\"%.100s\" is not a machine's id; use what sk-tpm "
			    "setup prints there: SHA256: and 44 characters",
			    a->ids[i]);
	if (a->key != NULL && !fingerprint_is_wellformed(a->key))
		return fail(FAIL_ARGUMENT,
		    "--key: \"%.100s\" is not a fingerprint; use what "
		    "ssh-keygen -l prints: SHA256: and 43 characters",
		    a->key);
	if (settings_profile(&inv->settings, a->profile) == NULL)
		return fail(FAIL_ARGUMENT,
		    "--profile: there is no \"%.100s\" in %s", a->profile,
		    inv->options.config);
	return 0;
}

/* A machine that is there gets further ids; it keeps its profile. */
static int
find_or_add(struct ca_invocation *inv, const struct adding *a, int64_t *ret)
{
	struct store_machine machine;
	int r = store_machine_by_name(inv->store, a->name, &machine);

	if (r == 0)
		*ret = machine.number;
	if (r != FAIL_NOT_FOUND)
		return r;
	machine = (struct store_machine){ .added = time(NULL) };
	snprintf(machine.name, sizeof(machine.name), "%s", a->name);
	snprintf(machine.profile, sizeof(machine.profile), "%s", a->profile);
	return store_machine_add(inv->store, &machine, ret);
}

/* For both types: the administrator says which key, and not what for. */
static int
expect_key(struct store *store, int64_t machine, const char *fingerprint)
{
	static const enum certificate_type types[] = { CERTIFICATE_USER,
		CERTIFICATE_HOST };
	int r = 0;

	for (int i = 0; i < 2 && (r == 0 || r == FAIL_NOT_FOUND); i++) {
		struct store_key key = { 0 };

		r = store_key_find(store, machine, types[i], fingerprint, &key);
		if (r == FAIL_NOT_FOUND) {
			key.machine = machine;
			key.type = types[i];
			key.state = STORE_KEY_EXPECTED;
			snprintf(key.fingerprint, sizeof(key.fingerprint), "%s",
			    fingerprint);
			r = store_key_put(store, &key);
		}
		store_key_reset(&key);
	}
	return r;
}

static int
add_within(struct ca_invocation *inv, struct audit_event *event, void *arg)
{
	struct adding *a = arg;
	int64_t machine;
	int r;

	if ((r = find_or_add(inv, a, &machine)) != 0)
		return r;
	for (size_t i = 0; i < a->n_ids; i++) {
		if ((r = store_machine_add_id(inv->store, machine, a->ids[i],
			 (struct slice){ 0 })) != 0 ||
		    (r = store_waiting_remove(inv->store, a->ids[i])) != 0)
			return r;
		text_add(&a->said, "%s%s", i > 0 ? " " : "", a->ids[i]);
	}
	event->text = a->said.s;
	return a->key != NULL ? expect_key(inv->store, machine, a->key) : 0;
}

static int
add_one(struct ca_invocation *inv, struct adding *a)
{
	struct audit_event event = {
		.what = "machine add",
		.machine = a->name,
		.fingerprint = a->key,
	};
	int r;

	if ((r = check_adding(inv, a)) != 0)
		return r;
	return ca_commit(inv, add_within, &event, a);
}

/* Of a line "NAME ID...", or "NAME ID... key FINGERPRINT". */
static void
split_line(char *line, struct adding *a)
{
	char *rest = line, *word;

	while ((word = strsep(&rest, " \t\r\n")) != NULL) {
		if (word[0] == '\0')
			continue;
		if (a->name == NULL)
			a->name = word;
		else if (strcmp(word, "key") == 0)
			a->key = strsep(&rest, " \t\r\n");
		else if (a->n_ids < IDS_MAX)
			a->ids[a->n_ids++] = word;
	}
}

/* Each line is a machine; the first bad one ends it, and its number is told. */
static int
add_from_stdin(struct ca_invocation *inv, const char *profile)
{
	char line[LINE_MAX_LEN];
	unsigned int n = 0, added = 0;
	int r = 0;

	while (r == 0 && fgets(line, sizeof(line), stdin) != NULL) {
		struct adding a = { .profile = profile };

		n++;
		if (line[strspn(line, " \t\r\n")] == '\0' || line[0] == '#')
			continue;
		split_line(line, &a);
		if ((r = add_one(inv, &a)) == 0)
			added++;
	}
	printf("Added %u machine%s.\n", added, added == 1 ? "" : "s");
	if (r != 0) {
		struct text cause = { 0 };

		text_add(&cause, "%s", log_cause());
		return fail(r, "line %u: %s", n, cause.s);
	}
	return 0;
}

int
ca_machine_add(struct ca_invocation *inv)
{
	const char *profile =
	    inv->options.profile != NULL ? inv->options.profile : "default";
	struct adding a = {
		.name = inv->argv[0],
		.profile = profile,
		.key = inv->options.key,
	};
	int r;

	if (strcmp(a.name, "-") == 0)
		return add_from_stdin(inv, profile);
	if (inv->argc - 1 > IDS_MAX)
		return fail(FAIL_ARGUMENT, "too many ids");
	for (int i = 1; i < inv->argc; i++)
		a.ids[a.n_ids++] = inv->argv[i];
	if ((r = add_one(inv, &a)) == 0)
		printf("The machine %s is known.\n", a.name);
	return r;
}

/* --- rename, disable, enable, remove ----------------------------------- */

static int
rename_within(struct ca_invocation *inv, struct audit_event *event, void *arg)
{
	const struct store_machine *machine = arg;

	event->text = inv->argv[1];
	return store_machine_rename(inv->store, machine->number, inv->argv[1]);
}

static int
revoke_all(struct ca_invocation *inv, int64_t machine, const char *why)
{
	const struct store_revocation all = { .machine = machine, .why = why };
	size_t n;

	return store_revoke(inv->store, &all, time(NULL), &n);
}

static int
disable_within(struct ca_invocation *inv, struct audit_event *event, void *arg)
{
	const struct store_machine *machine = arg;
	int r;

	event->text = inv->options.reason;
	if ((r = store_machine_set_state(
		 inv->store, machine->number, STORE_MACHINE_DISABLED)) != 0)
		return r;
	return revoke_all(inv, machine->number, "the machine was disabled");
}

static int
enable_within(struct ca_invocation *inv, struct audit_event *event, void *arg)
{
	const struct store_machine *machine = arg;

	event->text = inv->options.reason;
	return store_machine_set_state(
	    inv->store, machine->number, STORE_MACHINE_ENABLED);
}

static int
remove_within(struct ca_invocation *inv, struct audit_event *event, void *arg)
{
	const struct store_machine *machine = arg;

	event->text = inv->options.reason;
	return store_machine_remove(inv->store, machine->number, time(NULL));
}

/* Changes the machine that the first word names. */
static int
change(struct ca_invocation *inv, const char *what,
    int (*within)(struct ca_invocation *, struct audit_event *, void *),
    const char *done)
{
	struct audit_event event = { .what = what, .machine = inv->argv[0] };
	struct store_machine machine;
	int r;

	if ((r = store_machine_by_name(inv->store, inv->argv[0], &machine)) ==
	    FAIL_NOT_FOUND)
		return fail(r, "there is no machine %.100s", inv->argv[0]);
	if (r != 0 || (r = ca_commit(inv, within, &event, &machine)) != 0)
		return r;
	printf("The machine %s %s.\n", machine.name, done);
	return 0;
}

int
ca_machine_rename(struct ca_invocation *inv)
{
	if (!name_is_wellformed(inv->argv[1]))
		return fail(FAIL_ARGUMENT,
		    "\"%.100s\" cannot be a machine's name", inv->argv[1]);
	return change(inv, "machine rename", rename_within,
	    "has its new name in certificates to come");
}

int
ca_machine_disable(struct ca_invocation *inv)
{
	return change(inv, "machine disable", disable_within,
	    "gets no certificates, and those it had are revoked");
}

int
ca_machine_enable(struct ca_invocation *inv)
{
	return change(inv, "machine enable", enable_within,
	    "gets certificates again; what was revoked stays so");
}

int
ca_machine_remove(struct ca_invocation *inv)
{
	return change(inv, "machine remove", remove_within,
	    "is known no more, and its certificates are revoked");
}

/* --- list and show ----------------------------------------------------- */

static const char *const key_states[] = { "expected", "pending", "approved",
	"replaced", "revoked" };

struct listing {
	struct store *store;
	struct json_object *list;
	const struct ca_options *options;
};

struct counting {
	unsigned int pending, approved;
	int64_t last_seen;
};

static int
count_key(const struct store_key *key, void *arg)
{
	struct counting *n = arg;

	n->pending += key->state == STORE_KEY_PENDING;
	n->approved += key->state == STORE_KEY_APPROVED;
	if (key->last_seen > n->last_seen)
		n->last_seen = key->last_seen;
	return 0;
}

static int
list_machine(const struct store_machine *machine, void *arg)
{
	struct listing *l = arg;
	struct json_object *o;
	struct counting n = { 0 };
	int r;

	if ((r = store_keys_each(l->store, machine->number, count_key, &n)) !=
	    0)
		return r;
	if (l->options->pending && n.pending == 0)
		return 0;
	o = json_new();
	json_add_text(o, "name", machine->name);
	json_add_text(o, "state",
	    machine->state == STORE_MACHINE_ENABLED ? "enabled" : "disabled");
	json_add_text(o, "profile", machine->profile);
	json_object_object_add(
	    o, "inventory", json_object_new_boolean(machine->of_inventory));
	json_add_number(o, "keys", n.approved);
	json_add_number(o, "pending", n.pending);
	json_add_time(o, "seen", n.last_seen);
	json_object_array_add(l->list, o);
	return 0;
}

int
ca_machine_list(struct ca_invocation *inv)
{
	struct listing l = { inv->store, json_new_list(), &inv->options };
	int r = store_machines_each(inv->store, list_machine, &l);

	if (r == 0 && inv->options.pending)
		r = waiting_list(inv, l.list);
	if (r != 0)
		json_object_put(l.list);
	else
		json_print(l.list, inv->options.json);
	return r;
}

static int
show_id(const char *id, void *arg)
{
	struct text t = { 0 };

	text_add_escaped(&t, slice_of_text(id), sizeof(t.s) / 4 - 1);
	json_object_array_add(arg, json_object_new_string(t.s));
	return 0;
}

static int
show_key(const struct store_key *key, void *arg)
{
	struct json_object *o = json_new();

	json_add_text(o, "key", key->fingerprint);
	json_add_text(o, "type", certificate_type_word(key->type));
	json_add_text(o, "state", key_states[key->state]);
	json_add_text(o, "person", key->person);
	json_add_time(o, "first_seen", key->first_seen);
	json_add_time(o, "last_seen", key->last_seen);
	json_object_array_add(arg, o);
	return 0;
}

int
ca_machine_show(struct ca_invocation *inv)
{
	struct json_object *o, *ids, *keys;
	struct store_machine machine;
	int r;

	if (machine_id_is_wellformed(inv->argv[0]))
		return waiting_show(inv, inv->argv[0]);
	if ((r = store_machine_by_name(inv->store, inv->argv[0], &machine)) ==
	    FAIL_NOT_FOUND)
		return fail(r, "there is no machine %.100s", inv->argv[0]);
	if (r != 0)
		return r;
	o = json_new();
	ids = json_new_list();
	keys = json_new_list();
	json_add_text(o, "name", machine.name);
	json_add_text(o, "state",
	    machine.state == STORE_MACHINE_ENABLED ? "enabled" : "disabled");
	json_add_text(o, "profile", machine.profile);
	json_object_object_add(
	    o, "inventory", json_object_new_boolean(machine.of_inventory));
	json_add_time(o, "added", machine.added);
	json_object_object_add(o, "ids", ids);
	json_object_object_add(o, "keys", keys);
	if ((r = store_ids_each(inv->store, machine.number, show_id, ids)) !=
		0 ||
	    (r = store_keys_each(inv->store, machine.number, show_key, keys)) !=
		0)
		json_object_put(o);
	else
		json_print(o, inv->options.json);
	return r;
}
