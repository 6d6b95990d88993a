/* SPDX-License-Identifier: ISC */
/* sk-tpm-ca machine list --pending and show ID: what waits, and what of it. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "ca/command.h"

static const char *
state_of(const struct store_waiting *w)
{
	return w->refused ? "refused" : "pending";
}

static int
list_one(const struct store_waiting *w, void *arg)
{
	struct json_object *o = json_new();

	json_add_text(o, "state", state_of(w));
	json_add_text(o, "id", w->id);
	json_add_bytes(o, "asks_for", &w->name);
	json_object_object_add(
	    o, "certified", json_object_new_boolean(w->certified));
	json_add_bytes(o, "maker", &w->maker);
	json_add_text(o, "from", w->address);
	json_add_number(o, "times", w->times);
	json_add_time(o, "seen", w->last_seen);
	json_object_array_add(arg, o);
	return 0;
}

int
waiting_list(struct ca_invocation *inv, struct json_object *list)
{
	return store_waiting_each(inv->store, list_one, list);
}

static int
show_key(const struct store_waiting_key *key, void *arg)
{
	struct json_object *o = json_new();

	json_add_text(o, "key", key->fingerprint);
	json_add_text(o, "type", certificate_type_word(key->type));
	json_add_text(o, "person", key->person);
	json_add_bytes(o, "claims", &key->claims);
	json_object_array_add(arg, o);
	return 0;
}

/* What it would mean to approve it. */
static const char *
advice(const struct store_waiting *w)
{
	if (w->certified)
		return "a maker of TPMs vouches for the endorsement key; which "
		       "of its machines this is, only the id tells";
	return "no maker vouches for the endorsement key, which may be "
	       "software: compare the id with one from the machine's console, "
	       "its cloud's API or an inventory";
}

int
waiting_show(struct ca_invocation *inv, const char *id)
{
	struct json_object *o, *keys;
	struct store_machine machine;
	struct store_waiting w;
	int r = store_machine_by_id(inv->store, id, &machine);

	if (r == 0) {
		inv->argv[0] = machine.name;
		return ca_machine_show(inv);
	}
	if (r != FAIL_NOT_FOUND ||
	    (r = store_waiting_find(inv->store, id, &w)) != 0)
		return r == FAIL_NOT_FOUND
		    ? fail(r,
			  "no machine has the id %s, and none with it waits",
			  id)
		    : r;
	o = json_new();
	keys = json_new_list();
	json_add_text(o, "id", w.id);
	json_add_text(o, "state", state_of(&w));
	json_add_bytes(o, "asks_for", &w.name);
	json_object_object_add(
	    o, "certified", json_object_new_boolean(w.certified));
	json_add_text(o, "advice", advice(&w));
	json_add_bytes(o, "issuer", &w.issuer);
	json_add_bytes(o, "maker", &w.maker);
	json_add_bytes(o, "problem", &w.problem);
	json_add_text(o, "from", w.address);
	json_add_number(o, "times", w.times);
	json_add_time(o, "first_seen", w.first_seen);
	json_add_time(o, "last_seen", w.last_seen);
	json_object_object_add(o, "keys", keys);
	r = store_waiting_keys_each(inv->store, w.number, show_key, keys);
	store_waiting_reset(&w);
	if (r != 0)
		json_object_put(o);
	else
		json_print(o, inv->options.json);
	return r;
}
