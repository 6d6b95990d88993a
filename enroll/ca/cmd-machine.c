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

	if (r == FAIL_NOT_FOUND)
		return store_machine_add(
		    inv->store, a->name, a->profile, time(NULL), ret);
	*ret = machine.number;
	return r;
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
			 (struct slice){ 0 })) != 0)
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

/* --- approve ----------------------------------------------------------- */

struct approving {
	struct store_machine machine;
	const char *fingerprint; /* NULL: the only one that waits */
	char found[STORE_FINGERPRINT_LEN + 1];
	unsigned int waiting;
	int64_t now;
};

static int
find_waiting(const struct store_key *key, void *arg)
{
	struct approving *a = arg;

	if (key->state != STORE_KEY_PENDING ||
	    (a->fingerprint != NULL &&
		strcmp(key->fingerprint, a->fingerprint) != 0))
		return 0;
	/* The same key may wait for both of its types. */
	if (strcmp(a->found, key->fingerprint) != 0)
		a->waiting++;
	memcpy(a->found, key->fingerprint, sizeof(a->found));
	return 0;
}

static int
approve_type(struct ca_invocation *inv, const struct approving *a,
    enum certificate_type type)
{
	struct store_key key;
	int r;

	r = store_key_find(inv->store, a->machine.number, type, a->found, &key);
	if (r == 0 && key.state == STORE_KEY_PENDING) {
		key.state = STORE_KEY_APPROVED;
		r = store_key_put(inv->store, &key);
	}
	store_key_reset(&key);
	return r == FAIL_NOT_FOUND ? 0 : r;
}

/* The one that had its place gives it up: one key a machine and type. */
struct replacing {
	const struct approving *a;
	enum certificate_type types[32];
	char fingerprints[32][STORE_FINGERPRINT_LEN + 1];
	bool approved_type[3]; /* by certificate type */
	size_t n;
};

static int
find_approved(const struct store_key *key, void *arg)
{
	struct replacing *p = arg;
	bool is_it = strcmp(key->fingerprint, p->a->found) == 0;

	if (is_it && key->state == STORE_KEY_PENDING)
		p->approved_type[key->type] = true;
	if (is_it ||
	    (key->state != STORE_KEY_APPROVED &&
		key->state != STORE_KEY_EXPECTED) ||
	    p->n == sizeof(p->types) / sizeof(p->types[0]))
		return 0;
	p->types[p->n] = key->type;
	memcpy(p->fingerprints[p->n], key->fingerprint,
	    sizeof(p->fingerprints[p->n]));
	p->n++;
	return 0;
}

static int
replace_others(struct ca_invocation *inv, const struct approving *a)
{
	struct replacing p = { .a = a };
	struct store_key key;
	int r;

	if ((r = store_keys_each(
		 inv->store, a->machine.number, find_approved, &p)) != 0)
		return r;
	for (size_t i = 0; i < p.n && r == 0; i++) {
		if (!p.approved_type[p.types[i]])
			continue;
		r = store_key_find(inv->store, a->machine.number, p.types[i],
		    p.fingerprints[i], &key);
		key.state = STORE_KEY_REPLACED;
		if (r == 0)
			r = store_key_put(inv->store, &key);
		store_key_reset(&key);
	}
	return r;
}

static int
approve_within(struct ca_invocation *inv, struct audit_event *event, void *arg)
{
	struct approving *a = arg;
	int r;

	a->waiting = 0;
	if ((r = store_keys_each(
		 inv->store, a->machine.number, find_waiting, a)) != 0)
		return r;
	if (a->waiting == 0)
		return fail(FAIL_NOT_FOUND,
		    "no such key of %s waits for approval", a->machine.name);
	if (a->waiting > 1)
		return fail(FAIL_ARGUMENT,
		    "%u keys of %s wait; name one by its fingerprint, which "
		    "sk-tpm-ca machine show %s has",
		    a->waiting, a->machine.name, a->machine.name);
	event->fingerprint = a->found;
	if ((r = replace_others(inv, a)) != 0 ||
	    (r = approve_type(inv, a, CERTIFICATE_USER)) != 0)
		return r;
	return approve_type(inv, a, CERTIFICATE_HOST);
}

int
ca_machine_approve(struct ca_invocation *inv)
{
	struct audit_event event = {
		.what = "machine approve",
		.machine = inv->argv[0],
	};
	struct approving a = {
		.fingerprint = inv->argc > 1 ? inv->argv[1] : NULL,
	};
	int r;

	if ((r = store_machine_by_name(inv->store, inv->argv[0], &a.machine)) ==
	    FAIL_NOT_FOUND)
		return fail(r, "there is no machine %.100s", inv->argv[0]);
	if (r != 0 || (r = ca_commit(inv, approve_within, &event, &a)) != 0)
		return r;
	printf(
	    "The key %s of %s gets certificates.\n", a.found, a.machine.name);
	return 0;
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

	if (r != 0)
		json_object_put(l.list);
	else
		json_print(l.list, inv->options.json);
	return r;
}

static int
show_id(const char *id, void *arg)
{
	json_object_array_add(arg, json_object_new_string(id));
	return 0;
}

static int
show_key(const struct store_key *key, void *arg)
{
	struct json_object *o = json_new();

	json_add_text(o, "key", key->fingerprint);
	json_add_text(
	    o, "type", key->type == CERTIFICATE_HOST ? "host" : "user");
	json_add_text(o, "state", key_states[key->state]);
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
