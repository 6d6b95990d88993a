/* SPDX-License-Identifier: ISC */
/*
 * sk-tpm-ca machine approve and refuse: a machine that waits becomes one that
 * the CA knows, or does not; a key of one that it knows gets its place.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/log.h"
#include "ca/command.h"
#include "ca/public-key.h"

/* --- a key of a machine that is known ---------------------------------- */

/* One key for one type of certificate, of the machine's or of one person. */
struct approving {
	struct store_machine machine;
	const char *fingerprint;	 /* NULL: the only one that waits */
	const enum certificate_type *of; /* NULL: whichever it is */
	char found[STORE_FINGERPRINT_LEN + 1];
	char person[STORE_PERSON_MAX + 1]; /* whose that is */
	enum certificate_type type;	   /* for which it waits */
	unsigned int waiting;
};

static int
find_waiting(const struct store_key *key, void *arg)
{
	struct approving *a = arg;

	if (key->state != STORE_KEY_PENDING ||
	    (a->of != NULL && *a->of != key->type) ||
	    (a->fingerprint != NULL &&
		strcmp(key->fingerprint, a->fingerprint) != 0))
		return 0;
	a->waiting++;
	a->type = key->type;
	memcpy(a->found, key->fingerprint, sizeof(a->found));
	memcpy(a->person, key->person, sizeof(a->person));
	return 0;
}

/* The one that had its place gives it up: one key a machine and type. */
static int
approve_found(struct ca_invocation *inv, const struct approving *a)
{
	struct store_key key;
	int r;

	if ((r = store_key_find(inv->store, a->machine.number, a->type,
		 a->found, &key)) == 0 &&
	    (r = store_keys_replace(inv->store, &key, true)) == 0) {
		key.state = STORE_KEY_APPROVED;
		r = store_key_put(inv->store, &key);
	}
	store_key_reset(&key);
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
		    "%u of %s wait, a key for a type of certificate each; "
		    "name one by its fingerprint and --type, which sk-tpm-ca "
		    "machine show %s has",
		    a->waiting, a->machine.name, a->machine.name);
	event->fingerprint = a->found;
	event->person = a->person;
	event->type = certificate_type_word(a->type);
	return approve_found(inv, a);
}

static int
approve_key(struct ca_invocation *inv, const struct store_machine *machine,
    const char *fingerprint, const enum certificate_type *of)
{
	struct audit_event event = {
		.what = "machine approve",
		.machine = machine->name,
	};
	struct approving a = {
		.machine = *machine,
		.fingerprint = fingerprint,
		.of = of,
	};
	int r = ca_commit(inv, approve_within, &event, &a);

	if (r == 0)
		printf("The key %s of %s gets %s certificates%s%s.\n", a.found,
		    a.machine.name, certificate_type_word(a.type),
		    a.person[0] != '\0' ? " for " : "", a.person);
	return r;
}

/* --- a machine that waits ---------------------------------------------- */

/* Which one is to be known as what, and which of its keys. */
struct admitting {
	const char *name, *profile, *fingerprint;
	const char *id;			 /* as typed, or NULL */
	const enum certificate_type *of; /* NULL: both */
	struct store_waiting waiting;
	unsigned int of_name;	       /* that ask for this name */
	unsigned int keys, user, host; /* that get their place */
	int64_t machine;
	struct ca_invocation *inv;
};

static int
find_by_name(const struct store_waiting *w, void *arg)
{
	struct admitting *a = arg;

	if (w->refused || !slice_is(bytes_slice(&w->name), a->name))
		return 0;
	a->of_name++;
	return 0;
}

/* A name is what the machine says, whoever made its TPM. */
static int
find_waiting_machine(struct ca_invocation *inv, struct admitting *a)
{
	int r;

	if (a->id != NULL)
		return store_waiting_find(inv->store, a->id, &a->waiting);
	if ((r = store_waiting_each(inv->store, find_by_name, a)) != 0)
		return r;
	if (a->of_name == 0)
		return fail(FAIL_NOT_FOUND,
		    "no machine that waits asks for the name %s; sk-tpm-ca "
		    "machine list --pending has those that wait",
		    a->name);
	return fail(FAIL_ARGUMENT,
	    "%s is what the machine calls itself: type its id, as you have it "
	    "from elsewhere (sk-tpm setup prints it there): sk-tpm-ca machine "
	    "approve %s SHA256:...",
	    a->name, a->name);
}

static bool
is_named(const struct admitting *a, const struct store_waiting_key *key)
{
	return (a->of == NULL || *a->of == key->type) &&
	    (a->fingerprint == NULL ||
		strcmp(a->fingerprint, key->fingerprint) == 0);
}

static int
count_key(const struct store_waiting_key *key, void *arg)
{
	struct admitting *a = arg;

	if (!is_named(a, key))
		return 0;
	a->keys++;
	/* Each person has one, beside the machine's own. */
	if (key->person[0] == '\0' && key->type == CERTIFICATE_HOST)
		a->host++;
	else if (key->person[0] == '\0')
		a->user++;
	return 0;
}

static int
move_key(const struct store_waiting_key *waiting, void *arg)
{
	struct admitting *a = arg;
	bool named = is_named(a, waiting);
	struct store_key key = {
		.machine = a->machine,
		.type = waiting->type,
		/* The machine was approved: those of people go on waiting. */
		.state = named &&
			(waiting->person[0] == '\0' || a->fingerprint != NULL)
		    ? STORE_KEY_APPROVED
		    : STORE_KEY_PENDING,
		.blob = waiting->blob,
		.bound = waiting->bound,
		.first_seen = waiting->first_seen,
		.last_seen = waiting->first_seen,
	};

	memcpy(key.fingerprint, waiting->fingerprint, sizeof(key.fingerprint));
	memcpy(key.person, waiting->person, sizeof(key.person));
	return store_key_put(a->inv->store, &key);
}

static int
check_keys(struct ca_invocation *inv, struct admitting *a)
{
	int r = store_waiting_keys_each(
	    inv->store, a->waiting.number, count_key, a);

	if (r != 0)
		return r;
	if (a->keys == 0)
		return fail(FAIL_NOT_FOUND, "no such key of the machine waits");
	if (a->user > 1 || a->host > 1 ||
	    (a->fingerprint != NULL && a->keys > 1))
		return fail(FAIL_ARGUMENT,
		    "several keys of the machine wait, or one for several "
		    "types of certificate; name one by its fingerprint and "
		    "--type, which sk-tpm-ca machine show %s has",
		    a->waiting.id);
	return 0;
}

static int
admit_within(struct ca_invocation *inv, struct audit_event *event, void *arg)
{
	struct admitting *a = arg;
	struct store_machine machine = { .added = time(NULL) };
	int r;

	if ((r = find_waiting_machine(inv, a)) != 0 ||
	    (r = check_keys(inv, a)) != 0)
		return r;
	event->id = a->waiting.id;
	event->fingerprint = a->fingerprint;
	snprintf(machine.name, sizeof(machine.name), "%s", a->name);
	snprintf(machine.profile, sizeof(machine.profile), "%s", a->profile);
	if ((r = store_machine_add(inv->store, &machine, &a->machine)) != 0 ||
	    (r = store_machine_add_id(inv->store, a->machine, a->waiting.id,
		 bytes_slice(&a->waiting.certificate))) != 0 ||
	    (r = store_waiting_keys_each(
		 inv->store, a->waiting.number, move_key, a)) != 0)
		return r;
	return store_waiting_remove(inv->store, a->waiting.id);
}

static int
approve_machine(struct ca_invocation *inv, struct admitting *a)
{
	struct audit_event event = {
		.what = "machine approve",
		.machine = a->name,
	};
	int r;

	if (!name_is_wellformed(a->name))
		return fail(FAIL_ARGUMENT,
		    "\"%.100s\" cannot be a machine's name; use lower case "
		    "letters, digits, dots and hyphens, %d at most",
		    a->name, STORE_NAME_MAX);
	if (settings_profile(&inv->settings, a->profile) == NULL)
		return fail(FAIL_ARGUMENT,
		    "--profile: there is no \"%.100s\" in %s", a->profile,
		    inv->options.config);
	if ((r = ca_commit(inv, admit_within, &event, a)) == 0)
		printf("The machine %s is known: %s\n", a->name, a->waiting.id);
	store_waiting_reset(&a->waiting);
	return r;
}

/* NAME [ID] [KEY]: an id and a fingerprint differ by a padding character. */
int
ca_machine_approve(struct ca_invocation *inv)
{
	struct admitting a = {
		.inv = inv,
		.name = inv->argv[0],
		.profile = inv->options.profile != NULL ? inv->options.profile
							: "default",
	};
	enum certificate_type of;
	struct store_machine machine;
	int r;

	if (inv->options.type != NULL) {
		if ((r = ca_type(inv->options.type, &of)) != 0)
			return r;
		a.of = &of;
	}
	for (int i = 1; i < inv->argc; i++) {
		if (a.id == NULL && a.fingerprint == NULL &&
		    machine_id_is_wellformed(inv->argv[i]))
			a.id = inv->argv[i];
		else if (a.fingerprint == NULL &&
		    fingerprint_is_wellformed(inv->argv[i]))
			a.fingerprint = inv->argv[i];
		else
			return fail(FAIL_ARGUMENT,
			    "\"%.100s\" is neither a machine's id nor a key's "
			    "fingerprint",
			    inv->argv[i]);
	}
	r = store_machine_by_name(inv->store, a.name, &machine);
	if (r == FAIL_NOT_FOUND)
		return approve_machine(inv, &a);
	if (r == 0 && a.id != NULL)
		return fail(FAIL_TAKEN,
		    "there is a machine %s already; sk-tpm-ca machine add %s "
		    "%s gives it this id as well",
		    a.name, a.name, a.id);
	return r != 0 ? r : approve_key(inv, &machine, a.fingerprint, a.of);
}

/* --- refuse ------------------------------------------------------------ */

static int
refuse_within(struct ca_invocation *inv, struct audit_event *event, void *arg)
{
	struct store_waiting *w = arg;
	int r;

	event->text = inv->options.reason;
	if ((r = store_waiting_find(inv->store, inv->argv[0], w)) != 0)
		return r;
	w->refused = true;
	return store_waiting_put(inv->store, w);
}

int
ca_machine_refuse(struct ca_invocation *inv)
{
	struct audit_event event = {
		.what = "machine refuse",
		.id = inv->argv[0],
	};
	struct store_waiting w = { 0 };
	int r;

	if (!machine_id_is_wellformed(inv->argv[0]))
		return fail(FAIL_ARGUMENT,
		    "\"%.100s\" is not a machine's id; sk-tpm-ca machine list "
		    "--pending has those that wait",
		    inv->argv[0]);
	r = ca_commit(inv, refuse_within, &event, &w);
	store_waiting_reset(&w);
	if (r == 0)
		puts("The machine gets no certificates, until it is added or "
		     "approved.");
	return r;
}
