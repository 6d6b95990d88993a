/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "ca/admission.h"
#include "ca/waiting.h"
#include "key/limits.h"

/* A machine's users can make keys without end, and each is a row. */
#define WAITING_MAX 16

static int
refuse(struct admission *a, enum message_code code)
{
	a->outcome = REFUSED;
	a->code = code;
	return 0;
}

/* --- the machine's keys ------------------------------------------------ */

/* What the store has of a machine's keys. */
struct keys_seen {
	const struct applicant *who;
	enum certificate_type type;
	bool there, anothers;
	enum store_key_state state; /* of this key, if it is there */
	bool other_approved, other_expected;
	bool login_approved;  /* the login's key, of either type */
	bool login_this_type; /* of this one: it may be replaced */
	unsigned int waiting;
};

static int
look_at_key(const struct store_key *key, void *arg)
{
	struct keys_seen *seen = arg;
	bool is_login = strcmp(key->fingerprint, seen->who->login) == 0;
	bool approved = key->state == STORE_KEY_APPROVED;

	seen->login_approved |= is_login && approved;
	if (key->type != seen->type)
		return 0;
	/* Each person has a key of their own, and the machine has one. */
	if (strcmp(key->person, seen->who->person) != 0) {
		seen->anothers |=
		    strcmp(key->fingerprint, seen->who->fingerprint) == 0;
		return 0;
	}
	seen->login_this_type |= is_login && approved;
	if (strcmp(key->fingerprint, seen->who->fingerprint) == 0) {
		seen->there = true;
		seen->state = key->state;
		return 0;
	}
	seen->other_approved |= approved;
	seen->other_expected |= key->state == STORE_KEY_EXPECTED;
	seen->waiting += key->state == STORE_KEY_PENDING;
	return 0;
}

static int
wait_for_approval(struct admission *a, const struct keys_seen *seen)
{
	if (!seen->there && seen->waiting >= WAITING_MAX) {
		text_add(&a->text,
		    "%u other keys of this machine wait for approval already",
		    seen->waiting);
		return refuse(a, MESSAGE_PROFILE);
	}
	a->outcome = WAITS;
	a->first = !seen->there;
	text_add(&a->text,
	    "the machine is known as %s, and this %s key of it has to be "
	    "approved: sk-tpm-ca machine approve %s %s",
	    a->machine.name, certificate_type_word(seen->type), a->machine.name,
	    seen->who->fingerprint);
	return 0;
}

/* The rule: one key a machine and type, and a new one on somebody's word. */
static int
decide_key(const struct keys_seen *seen, struct admission *a)
{
	if (seen->anothers) {
		text_add(&a->text, "this key is somebody else's");
		return refuse(a, MESSAGE_KEY);
	}
	if (seen->there) {
		switch (seen->state) {
		case STORE_KEY_APPROVED:
			return 0;
		case STORE_KEY_EXPECTED:
			a->first = true;
			return 0;
		case STORE_KEY_PENDING:
			return wait_for_approval(a, seen);
		default:
			text_add(&a->text,
			    seen->state == STORE_KEY_REVOKED
				? "this key was revoked"
				: "another key has taken this one's place");
			return refuse(a, MESSAGE_KEY);
		}
	}
	a->first = true;
	if (seen->login_this_type) {
		a->replaces = true;
		return 0;
	}
	if (!seen->other_approved && !seen->other_expected &&
	    a->profile->first_key == FIRST_KEY_ACCEPT)
		return 0;
	return wait_for_approval(a, seen);
}

/*
 * Any key may log in: but only to ask for itself, or for its own machine. How
 * people log in is their sshd's to say.
 */
static int
decide_login(const struct keys_seen *seen, struct admission *a)
{
	const struct applicant *who = seen->who;

	if (who->person[0] != '\0' ||
	    strcmp(who->login, who->fingerprint) == 0 || seen->login_approved)
		return 0;
	text_add(&a->text,
	    "the login was neither by the key itself nor by an approved key of "
	    "this machine");
	return refuse(a, MESSAGE_LOGIN);
}

/* --- what the profile demands ------------------------------------------ */

static int
decide_demands(const struct judged_request *q, struct admission *a)
{
	const struct profile *p = a->profile;
	const char *missing = NULL;

	if ((p->demands & DEMAND_EK_CERTIFICATE) != 0 &&
	    q->standing != EK_CERTIFIED) {
		text_add(&a->text,
		    "profile %s demands a maker's certificate "
		    "of the endorsement key: %s",
		    p->name,
		    q->standing == EK_NO_CERTIFICATE
			? "there is none"
			: (const char *)q->ek_problem.data);
		return refuse(a, MESSAGE_EK_CERT);
	}
	if ((p->demands & DEMAND_PIN) != 0 && !q->pin)
		missing = "a PIN";
	else if ((p->demands & DEMAND_NO_PIN_LIFETIME) != 0 &&
	    q->pin_lifetime != 0)
		missing = "a PIN without a lifetime";
	else if ((p->demands & DEMAND_PRESENCE) != 0 && !q->presence)
		missing = "the question for a person's presence";
	else if ((p->demands & DEMAND_LIMITS) != 0 &&
	    (q->limits == 0 || (q->limits & ~p->limits) != 0))
		missing = "the limits that the profile names";
	else if ((p->demands & DEMAND_PCRS) != 0 &&
	    (q->pcrs & p->pcrs) != p->pcrs)
		missing = "the PCRs that the profile names";
	if (missing == NULL)
		return 0;
	text_add(&a->text, "the key lacks %s, which profile %s demands",
	    missing, p->name);
	return refuse(a, MESSAGE_PROFILE);
}

/* What the inventory says of a machine is more than what its profile says. */
static const struct texts *
principals_of(const struct applicant *who, const struct admission *a)
{
	const enum certificate_type type = who->request->type;
	const bool host = type == CERTIFICATE_HOST;

	if (who->person[0] == '\0' && who->inventory != NULL &&
	    a->machine.of_inventory && who->inventory->principals_set[host])
		return &who->inventory->principals[host];
	return &profile_terms(a->profile, type)->principals;
}

static int
decide_profile(const struct settings *settings, const struct applicant *who,
    struct admission *a)
{
	const struct judged_request *q = who->request;
	const bool person = who->person[0] != '\0';
	const char *name =
	    person ? settings->people_profile : a->machine.profile;

	a->profile = settings_profile(settings, name);
	if (a->profile == NULL) {
		text_add(&a->text, "there is no profile %s", name);
		return refuse(a, MESSAGE_UNAVAILABLE);
	}
	if (person && q->type == CERTIFICATE_HOST) {
		text_add(&a->text, "people get no host certificates");
		return refuse(a, MESSAGE_PROFILE);
	}
	a->principals = principals_of(who, a);
	if (a->principals->n == 0 ||
	    settings_ca_key(settings, q->type) == NULL) {
		text_add(&a->text, "this machine gets no %s certificates",
		    certificate_type_word(q->type));
		return refuse(a, MESSAGE_PROFILE);
	}
	return decide_demands(q, a);
}

/* --- all of it --------------------------------------------------------- */

static void
take_profile(const struct inventory *inventory, struct store_machine *machine)
{
	snprintf(machine->profile, sizeof(machine->profile), "%s",
	    inventory->profile[0] != '\0' ? inventory->profile : "default");
}

/* A name is never taken from the machine that has it. */
static int
decide_joining(
    struct store *store, const struct applicant *who, struct admission *a)
{
	struct store_machine other;
	int r;

	r = store_machine_by_name(store, who->inventory->name, &other);
	if (r == 0) {
		text_add(&a->text,
		    "the inventory has it as %s, which is another machine's "
		    "name: sk-tpm-ca machine remove %s, or machine add %s %s",
		    other.name, other.name, other.name, who->id);
		return refuse(a, MESSAGE_UNKNOWN);
	}
	if (r != FAIL_NOT_FOUND)
		return r;
	a->joins = true;
	a->machine.of_inventory = true;
	a->machine.added = who->now;
	memcpy(a->machine.name, who->inventory->name, sizeof(a->machine.name));
	take_profile(who->inventory, &a->machine);
	return 0;
}

/* One that the store does not have. */
static int
decide_stranger(struct store *store, const struct settings *settings,
    const struct applicant *who, struct admission *a)
{
	bool refused;
	int r;

	a->machine = (struct store_machine){ 0 };
	if ((r = waiting_is_refused(store, who->id, &refused)) != 0)
		return r;
	if (refused) {
		text_add(&a->text, "an administrator refused this machine");
		return refuse(a, MESSAGE_UNKNOWN);
	}
	if (who->inventory != NULL && who->inventory->known)
		return decide_joining(store, who, a);
	if (settings->admit_pending)
		return waiting_decide(store, settings, who, a);
	if (settings->admit_certified &&
	    who->request->standing != EK_CERTIFIED) {
		text_add(&a->text,
		    "a machine that is not known needs a certificate of its "
		    "endorsement key that leads to EndorsementRoots: %s",
		    who->request->standing == EK_NO_CERTIFICATE
			? "there is none"
			: (const char *)who->request->ek_problem.data);
		return refuse(a, MESSAGE_EK_CERT);
	}
	if (settings->admit_certified && who->inventory != NULL) {
		text_add(&a->text,
		    "the inventory has no machine with the id %s", who->id);
		return refuse(a, MESSAGE_UNKNOWN);
	}
	text_add(&a->text,
	    "no machine has the id %s: sk-tpm-ca machine add "
	    "NAME %s",
	    who->id, who->id);
	return refuse(a, MESSAGE_UNKNOWN);
}

/* One that came by the inventory is in the store as long as it is there. */
static int
decide_listed(const struct applicant *who, struct admission *a)
{
	if (!who->inventory->known) {
		text_add(&a->text, "the inventory does not have %s any more",
		    a->machine.name);
		return refuse(a, MESSAGE_UNKNOWN);
	}
	if (strcmp(who->inventory->name, a->machine.name) != 0) {
		text_add(&a->text,
		    "the inventory calls %s by another name: sk-tpm-ca machine "
		    "rename %s %s",
		    a->machine.name, a->machine.name, who->inventory->name);
		return refuse(a, MESSAGE_UNKNOWN);
	}
	take_profile(who->inventory, &a->machine);
	return 0;
}

static int
decide_machine(struct store *store, const struct settings *settings,
    const struct applicant *who, struct admission *a)
{
	int r = store_machine_by_id(store, who->id, &a->machine);

	if (r == FAIL_NOT_FOUND)
		return decide_stranger(store, settings, who, a);
	if (r == 0 && a->machine.state == STORE_MACHINE_DISABLED) {
		text_add(
		    &a->text, "the machine %s is disabled", a->machine.name);
		return refuse(a, MESSAGE_DISABLED);
	}
	if (r == 0 && a->machine.of_inventory && who->inventory != NULL)
		return decide_listed(who, a);
	return r;
}

int
admission_asks_inventory(struct store *store, const struct settings *settings,
    const struct applicant *who, bool *ret)
{
	struct store_machine machine;
	int r = store_machine_by_id(store, who->id, &machine);

	*ret = false;
	if (r == 0)
		*ret =
		    machine.of_inventory && settings->inventory_command != NULL;
	else if (r == FAIL_NOT_FOUND)
		*ret = settings->admit_certified &&
		    who->request->standing == EK_CERTIFIED;
	return r == FAIL_NOT_FOUND ? 0 : r;
}

/* Also one that no machine, or another one, has in the store by now. */
static int
decide_revoked(
    struct store *store, const struct applicant *who, struct admission *a)
{
	bool revoked;
	int r = store_key_is_revoked(store, who->fingerprint, &revoked);

	if (r != 0 || !revoked)
		return r;
	text_add(&a->text, "this key was revoked");
	return refuse(a, MESSAGE_KEY);
}

int
admission_decide(struct store *store, const struct settings *settings,
    const struct applicant *who, struct admission *ret)
{
	struct keys_seen seen = { .who = who, .type = who->request->type };
	int r;

	*ret = (struct admission){ .outcome = ADMITTED };
	if ((r = decide_revoked(store, who, ret)) != 0 ||
	    ret->outcome != ADMITTED)
		return r;
	if ((r = decide_machine(store, settings, who, ret)) != 0 ||
	    ret->outcome != ADMITTED)
		return r;
	if ((r = store_keys_each(
		 store, ret->machine.number, look_at_key, &seen)) != 0 ||
	    (r = decide_login(&seen, ret)) != 0 || ret->outcome != ADMITTED)
		return r;
	if ((r = decide_profile(settings, who, ret)) != 0 ||
	    ret->outcome != ADMITTED)
		return r;
	return decide_key(&seen, ret);
}

/* --- writing it down --------------------------------------------------- */

static int
put_key(
    struct store *store, const struct applicant *who, const struct admission *a)
{
	const struct judged_request *q = who->request;
	struct store_key key;
	int r;

	r = store_key_find(
	    store, a->machine.number, q->type, who->fingerprint, &key);
	if (r != 0 && r != FAIL_NOT_FOUND)
		return r;
	key.machine = a->machine.number;
	key.type = q->type;
	key.state =
	    a->outcome == ADMITTED ? STORE_KEY_APPROVED : STORE_KEY_PENDING;
	memcpy(key.fingerprint, who->fingerprint, sizeof(key.fingerprint));
	memcpy(key.person, who->person, sizeof(key.person));
	if (key.first_seen == 0)
		key.first_seen = who->now;
	key.last_seen = who->now;
	if (a->outcome == ADMITTED)
		r = store_keys_replace(store, &key, false);
	else
		r = 0;
	if (r == 0 &&
	    (r = bytes_set(&key.blob, q->blob.data, q->blob.len)) == 0 &&
	    (r = bytes_set(&key.bound, q->bound.data, q->bound.len)) == 0)
		r = store_key_put(store, &key);
	store_key_reset(&key);
	return r;
}

/* In the store from now on, with the certificate that it came by. */
static int
put_machine(
    struct store *store, const struct applicant *who, struct admission *a)
{
	int r;

	if (!a->joins)
		return a->machine.of_inventory
		    ? store_machine_set_profile(
			  store, a->machine.number, a->machine.profile)
		    : 0;
	if ((r = store_machine_add(store, &a->machine, &a->machine.number)) !=
		0 ||
	    (r = store_machine_add_id(store, a->machine.number, who->id,
		 bytes_slice(&who->request->ek_certificate))) != 0)
		return r;
	return store_waiting_remove(store, who->id);
}

int
admission_record(struct store *store, const struct settings *settings,
    const struct applicant *who, struct admission *admission)
{
	int r;

	if (admission->outcome == REFUSED)
		return 0;
	if (admission->machine.number == 0 && !admission->joins)
		return waiting_record(store, settings, who);
	if ((r = put_machine(store, who, admission)) != 0)
		return r;
	return put_key(store, who, admission);
}
