/* SPDX-License-Identifier: ISC */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "ca/figures.h"

#define DAY (24 * 3600)

struct counting {
	struct store *store;
	int64_t now;
	struct figures *figures;
};

static int
count_key(const struct store_key *key, void *arg)
{
	struct counting *c = arg;

	c->figures->keys_pending += key->state == STORE_KEY_PENDING;
	return 0;
}

static int
count_machine(const struct store_machine *machine, void *arg)
{
	struct counting *c = arg;

	if (machine->state == STORE_MACHINE_ENABLED)
		c->figures->machines_enabled++;
	else
		c->figures->machines_disabled++;
	return store_keys_each(c->store, machine->number, count_key, c);
}

static int
count_waiting(const struct store_waiting *w, void *arg)
{
	struct counting *c = arg;

	if (w->refused)
		c->figures->machines_refused++;
	else
		c->figures->machines_waiting++;
	return 0;
}

static int
count_certificate(const struct store_certificate *cert, void *arg)
{
	struct counting *c = arg;
	struct figures_of_type *type =
	    &c->figures->types[cert->type == CERTIFICATE_HOST];

	type->issued++;
	if (cert->issued > c->figures->last_issued)
		c->figures->last_issued = cert->issued;
	if (cert->valid_to <= c->now)
		return 0;
	if (cert->revoked != 0) {
		c->figures->revoked++;
		return 0;
	}
	type->valid++;
	if (type->next_expiry == 0 || cert->valid_to < type->next_expiry)
		type->next_expiry = cert->valid_to;
	return 0;
}

/* More kinds of refusal than there is room for are the last one's. */
static void
count_refusal(struct figures *f, const char *code, bool of_day)
{
	size_t i = 0;

	while (i < f->n_codes && strcmp(f->refused[i].code, code) != 0)
		i++;
	if (i == FIGURES_CODES)
		i--;
	if (i == f->n_codes) {
		snprintf(
		    f->refused[i].code, sizeof(f->refused[i].code), "%s", code);
		f->n_codes++;
	}
	f->refused[i].ever++;
	f->refused[i].of_day += of_day;
}

static const char *
member(struct json_object *o, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(o, name, &value)
	    ? json_object_get_string(value)
	    : "";
}

static int
count_row(const struct store_audit *row, void *arg)
{
	struct counting *c = arg;
	struct json_tokener *parser = json_tokener_new();
	struct json_object *o;

	if (parser == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	c->figures->audit_rows = row->number;
	o = json_tokener_parse_ex(
	    parser, (const char *)row->row.data, (int)row->row.len);
	if (o != NULL && strcmp(member(o, "what"), "refused") == 0)
		count_refusal(
		    c->figures, member(o, "code"), row->time > c->now - DAY);
	json_object_put(o);
	json_tokener_free(parser);
	return 0;
}

int
figures_count(struct store *store, int64_t now, struct figures *ret)
{
	struct counting c = { store, now, ret };
	struct bytes krl = { 0 };
	int r;

	*ret = (struct figures){ 0 };
	if ((r = store_machines_each(store, count_machine, &c)) == 0 &&
	    (r = store_waiting_each(store, count_waiting, &c)) == 0 &&
	    (r = store_certificates_each(store, 0, count_certificate, &c)) ==
		0 &&
	    (r = store_audit_each(store, 1, count_row, &c)) == 0)
		r = store_krl(store, &krl, &ret->krl_version, &ret->krl_stale);
	bytes_reset(&krl);
	return r;
}
