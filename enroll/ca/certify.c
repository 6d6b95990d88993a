/* SPDX-License-Identifier: ISC */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "ca/certify.h"
#include "ca/issue.h"
#include "ca/krl.h"
#include "ca/lists.h"
#include "ca/public-key.h"

#define VALID_BEFORE_SECONDS 300 /* clocks differ */

/* What a certificate is made of, and what it became. */
struct certifying {
	struct store *store;
	const struct settings *settings;
	const struct applicant *who;
	struct admission *admission;
	struct texts principals;
	struct text key_id, joined;
	struct store_certificate certificate;
	struct slice ca;      /* the key that signed it, within it */
	struct bytes ca_keys; /* lines of the answer */
	struct bytes krl;
};

struct audit_event
certify_event(const struct applicant *who, const char *what)
{
	return (struct audit_event){
		.what = what,
		.by = "relay",
		.id = who->id,
		.fingerprint = who->fingerprint,
		.login = who->login,
		.person = who->person,
		.address = who->address,
	};
}

/* --- the certificate --------------------------------------------------- */

/* %m is the machine's name, %u the person's. */
static int
expand(const char *pattern, const struct certifying *c, char **ret)
{
	struct text t = { 0 };

	for (; *pattern != '\0'; pattern++)
		if (*pattern == '%')
			text_add(&t, "%s",
			    *++pattern == 'm' ? c->admission->machine.name
					      : c->who->person);
		else
			text_add(&t, "%c", *pattern);
	if ((*ret = strdup(t.s)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	return 0;
}

static int
expand_principals(struct certifying *c)
{
	const struct texts *patterns = c->admission->principals;
	int r;

	for (; c->principals.n < patterns->n; c->principals.n++) {
		char **name = &c->principals.text[c->principals.n];

		if ((r = expand(patterns->text[c->principals.n], c, name)) != 0)
			return r;
		text_add(
		    &c->joined, "%s%s", c->principals.n > 0 ? "," : "", *name);
	}
	return 0;
}

static int
new_serial(uint64_t *ret)
{
	do {
		if (RAND_bytes((uint8_t *)ret, sizeof(*ret)) != 1)
			return fail(FAIL_INTERNAL, "no random numbers");
		*ret &= INT64_MAX;
	} while (*ret == 0);
	return 0;
}

/* What the store keeps of it. */
static int
describe(struct certifying *c, const struct certificate_order *order)
{
	struct store_certificate *out = &c->certificate;
	struct certificate parsed;
	int r;

	out->serial = order->serial;
	out->machine = c->admission->machine.number;
	out->type = order->type;
	memcpy(out->fingerprint, c->who->fingerprint, sizeof(out->fingerprint));
	memcpy(out->person, c->who->person, sizeof(out->person));
	out->issued = c->who->now;
	out->valid_from = order->valid_from;
	out->valid_to = order->valid_to;
	if ((r = bytes_set(&out->key_id, c->key_id.s, c->key_id.len)) != 0 ||
	    (r = bytes_set(&out->principals, c->joined.s, c->joined.len)) != 0)
		return r;
	if (!certificate_parse_signed(bytes_slice(&out->blob), &parsed))
		return fail(FAIL_INTERNAL, "the certificate cannot be read");
	c->ca = parsed.ca;
	return public_key_fingerprint(c->ca, out->ca_fingerprint);
}

/* Signed, and not yet written down anywhere. */
static int
sign(struct certifying *c)
{
	const struct judged_request *request = c->who->request;
	const struct profile *profile = c->admission->profile;
	struct certificate_order order = {
		.type = request->type,
		.blob = bytes_slice(&request->blob),
		.key_id = c->key_id.s,
		.principals = &c->principals,
		.valid_from = c->who->now - VALID_BEFORE_SECONDS,
		.valid_to = c->who->now +
		    profile_terms(profile, request->type)->validity,
		.profile = profile,
		.no_touch_required = !request->presence,
	};
	int r;

	text_add(&c->key_id, "%s %s%s%s", c->admission->machine.name,
	    c->who->id, c->who->person[0] != '\0' ? " " : "", c->who->person);
	if ((r = expand_principals(c)) != 0 ||
	    (r = new_serial(&order.serial)) != 0 ||
	    (r = certificate_issue(
		 c->settings, &order, &c->certificate.blob)) != 0)
		return r;
	return describe(c, &order);
}

/* --- the store --------------------------------------------------------- */

/* Neither the store nor the inventory has the machine. */
static bool
is_unknown(const struct admission *a)
{
	return a->machine.number == 0 && !a->joins;
}

static bool
is_still(const struct admission *a, const struct admission *b)
{
	return a->outcome == b->outcome &&
	    a->machine.number == b->machine.number &&
	    strcmp(a->machine.name, b->machine.name) == 0 &&
	    a->profile == b->profile && a->principals == b->principals &&
	    a->replaces == b->replaces && a->joins == b->joins;
}

/* The row of the audit log that tells it. */
static int
add_row(const struct certifying *c, struct store_audit *row)
{
	const struct admission *a = c->admission;
	struct audit_event event = certify_event(
	    c->who, a->outcome == ADMITTED ? "issued" : "pending");
	struct text text = { 0 };

	event.machine = a->machine.name;
	event.type = certificate_type_word(c->who->request->type);
	event.serial = c->certificate.serial;
	if (a->outcome == ADMITTED)
		text_add(&text, "for %s until %lld%s", c->joined.s,
		    (long long)c->certificate.valid_to,
		    a->replaces	   ? ", in place of the key that logged in"
			: a->first ? ", the first of this key"
				   : "");
	else
		text_add(&text, "the %s waits for approval",
		    is_unknown(a) ? "machine" : "key");
	if (a->joins)
		text_add(&text,
		    "; the inventory has the machine, which is "
		    "new here");
	event.text = text.s;
	return audit_add(c->store, &event, c->who->now, row);
}

/* A stolen one signs nothing more, whatever became of its files. */
static int
check_ca_key(const struct certifying *c)
{
	const char *fingerprint = c->certificate.ca_fingerprint;
	bool revoked;
	int r = store_key_is_revoked(c->store, fingerprint, &revoked);

	if (r != 0 || !revoked)
		return r;
	return fail(FAIL_UNAVAILABLE,
	    "the CA's key %s was revoked: sk-tpm-ca rotate %s --stolen has the "
	    "next one sign",
	    fingerprint, certificate_type_word(c->certificate.type));
}

/* The state is read again: it may have changed while ssh-keygen signed. */
static int
record_within(struct certifying *c, struct store_audit *row)
{
	struct admission again;
	int r;

	if ((r = admission_decide(c->store, c->settings, c->who, &again)) != 0)
		return r;
	if (!is_still(&again, c->admission))
		return fail(FAIL_UNAVAILABLE,
		    "what is known of the machine changed meanwhile");
	if ((r = admission_record(c->store, c->settings, c->who, &again)) != 0)
		return r;
	c->certificate.machine = again.machine.number;
	if (again.outcome == ADMITTED) {
		if ((r = check_ca_key(c)) != 0 ||
		    (r = store_certificate_add(c->store, &c->certificate)) !=
			0 ||
		    (r = store_ca_key_put(c->store, c->certificate.type,
			 c->certificate.ca_fingerprint, c->ca)) != 0)
			return r;
		if ((c->who->request->wants & MESSAGE_WANT_KRL) != 0 &&
		    (r = krl_current(
			 c->store, c->settings, c->who->now, &c->krl)) != 0)
			return r;
	}
	/* That a key still waits is no new decision, however often it asks. */
	if (again.outcome == WAITS && !again.first)
		return 0;
	return add_row(c, row);
}

/* All that was decided is in the store with its audit row, or nothing is. */
static int
record(struct certifying *c)
{
	struct store_audit row = { 0 };
	int r;

	if ((r = store_begin(c->store)) != 0)
		return r;
	if ((r = record_within(c, &row)) != 0)
		store_rollback(c->store);
	else if ((r = store_commit(c->store)) == 0 && row.number != 0)
		audit_mirror(&row);
	store_audit_reset(&row);
	return r;
}

/* --- the answer -------------------------------------------------------- */

static int
put_answer(const struct certifying *c, struct bytes *out)
{
	int r;

	if (c->admission->outcome == WAITS)
		return message_put_pending(out,
		    is_unknown(c->admission)
			? "this machine has to be approved by an administrator"
			: "this machine's key has to be approved by an "
			  "administrator");
	if ((r = message_put_certificate(
		 out, bytes_slice(&c->certificate.blob))) != 0 ||
	    (r = bytes_append(out, c->ca_keys.data, c->ca_keys.len)) != 0 ||
	    (r = lists_put_krl(out, &c->krl)) != 0)
		return r;
	return message_put_end(out);
}

int
certify(struct store *store, const struct settings *settings,
    const struct applicant *who, struct admission *ret, struct bytes *ret_lines)
{
	struct certifying c = {
		.store = store,
		.settings = settings,
		.who = who,
		.admission = ret,
	};
	int r;

	if ((r = admission_decide(store, settings, who, ret)) != 0 ||
	    ret->outcome == REFUSED)
		return r;
	/* What the answer needs is there before anything is written down. */
	if (ret->outcome == ADMITTED && (r = sign(&c)) == 0 &&
	    (who->request->wants & MESSAGE_WANT_CA_KEYS) != 0)
		r = lists_put_ca_keys(&c.ca_keys, store, settings, who->now);
	if (r == 0 && (r = record(&c)) == 0)
		r = put_answer(&c, ret_lines);
	for (size_t i = 0; i < c.principals.n; i++)
		free(c.principals.text[i]);
	store_certificate_reset(&c.certificate);
	bytes_reset(&c.ca_keys);
	bytes_reset(&c.krl);
	return r;
}
