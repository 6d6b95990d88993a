/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "attest/ek-cert-words.h"
#include "base/error.h"
#include "ca/waiting.h"
#include "key/limits.h"
#include "tpm/pcr.h"

#define KEYS_MAX 8 /* of one machine that waits */

/* --- whether there is room --------------------------------------------- */

/*
 * Anybody can make endorsement keys without end. So a quarter of the places is
 * for those that a maker certified, and one address has no more than a quarter
 * of the others.
 */
struct places {
	const char *address;
	int64_t since; /* who has not asked since counts no more */
	uint32_t taken, uncertified, of_address;
};

/* Of IPv6, a network of 64 bits is one place: whoever has one has it all. */
static bool
is_same_place(const char *a, const char *b)
{
	struct in6_addr x, y;

	if (inet_pton(AF_INET6, a, &x) == 1 && inet_pton(AF_INET6, b, &y) == 1)
		return memcmp(&x, &y, 8) == 0;
	return strcmp(a, b) == 0;
}

static int
count_place(const struct store_waiting *w, void *arg)
{
	struct places *p = arg;

	if (w->refused || w->last_seen < p->since)
		return 0;
	p->taken++;
	p->uncertified += !w->certified;
	p->of_address += !w->certified && is_same_place(w->address, p->address);
	return 0;
}

static uint32_t
at_least_one(uint32_t n)
{
	return n > 0 ? n : 1;
}

static int
find_place(struct store *store, const struct settings *settings,
    const struct applicant *who, struct admission *a)
{
	const uint32_t most = settings->max_pending;
	const uint32_t uncertified = at_least_one(most - most / 4);
	struct places p = { .address = who->address,
		.since = who->now - settings->pending_for };
	bool room;
	int r;

	if ((r = store_waiting_each(store, count_place, &p)) != 0)
		return r;
	room = p.taken < most;
	if (who->request->standing != EK_CERTIFIED)
		room = room && p.uncertified < uncertified &&
		    p.of_address < at_least_one(uncertified / 4);
	if (room)
		return 0;
	a->outcome = REFUSED;
	a->code = MESSAGE_BUSY;
	text_add(&a->text,
	    "%u machines wait for approval already, %u of them asked from "
	    "this one's address",
	    p.taken, p.of_address);
	return 0;
}

/* --- its keys ---------------------------------------------------------- */

struct keys_waiting {
	const struct applicant *who;
	bool there, login_there;
	unsigned int n;
};

static int
look_at_key(const struct store_waiting_key *key, void *arg)
{
	struct keys_waiting *seen = arg;

	seen->n++;
	seen->there |= key->type == seen->who->request->type &&
	    strcmp(key->fingerprint, seen->who->fingerprint) == 0;
	seen->login_there |= strcmp(key->fingerprint, seen->who->login) == 0;
	return 0;
}

/* As for a known machine: by the key itself, or by another that waits. */
static bool
may_log_in(const struct keys_waiting *seen)
{
	const struct applicant *who = seen->who;

	return who->person[0] != '\0' || seen->login_there ||
	    strcmp(who->login, who->fingerprint) == 0;
}

static int
decide_key(const struct keys_waiting *seen, struct admission *a)
{
	if (!may_log_in(seen)) {
		a->outcome = REFUSED;
		a->code = MESSAGE_LOGIN;
		text_add(&a->text,
		    "the login was by another key than the one that is to be "
		    "certified");
	} else if (!seen->there && seen->n >= KEYS_MAX) {
		a->outcome = REFUSED;
		a->code = MESSAGE_PROFILE;
		text_add(&a->text,
		    "%u keys of this machine wait for approval already",
		    seen->n);
	} else {
		a->outcome = WAITS;
		a->first = !seen->there;
		text_add(&a->text,
		    "the machine waits for approval: sk-tpm-ca machine show "
		    "%s",
		    seen->who->id);
	}
	return 0;
}

int
waiting_is_refused(struct store *store, const char *id, bool *ret)
{
	struct store_waiting w;
	int r = store_waiting_find(store, id, &w);

	*ret = r == 0 && w.refused;
	store_waiting_reset(&w);
	return r == FAIL_NOT_FOUND ? 0 : r;
}

int
waiting_decide(struct store *store, const struct settings *settings,
    const struct applicant *who, struct admission *a)
{
	struct keys_waiting seen = { .who = who };
	struct store_waiting w;
	int r = store_waiting_find(store, who->id, &w);

	if (r == 0) {
		if ((r = store_waiting_keys_each(
			 store, w.number, look_at_key, &seen)) == 0)
			r = decide_key(&seen, a);
	} else if (r == FAIL_NOT_FOUND) {
		if ((r = find_place(store, settings, who, a)) == 0 &&
		    a->outcome == ADMITTED)
			r = decide_key(&seen, a);
	}
	store_waiting_reset(&w);
	return r;
}

/* --- writing it down --------------------------------------------------- */

/* What the key's maker says of it, for an administrator to read. */
static void
write_claims(const struct judged_request *q, struct text *out)
{
	const char *separator = ": ";

	text_add(out, q->pin ? "PIN" : "no PIN");
	if (q->pin_lifetime != 0)
		text_add(out, ", entered once in %u s", q->pin_lifetime);
	if (q->presence)
		text_add(out, ", asks for presence");
	if (q->limits != 0)
		text_add(out, ", limits");
	for (size_t i = 0; i < LIMIT_KINDS; i++)
		if ((q->limits & limit_names[i].kind) != 0) {
			text_add(out, "%s%s", separator, limit_names[i].name);
			separator = "+";
		}
	if (q->pcrs != 0) {
		text_add(out, ", ");
		pcr_add_numbers(out, q->pcrs);
	}
}

/* Without its terminator. */
static int
set_words(struct bytes *ret, const struct bytes *words)
{
	return bytes_set(ret, words->data, words->len > 0 ? words->len - 1 : 0);
}

static int
put_words(const struct judged_request *q, struct store_waiting *w)
{
	int r;

	if ((r = bytes_set(&w->certificate, q->ek_certificate.data,
		 q->ek_certificate.len)) != 0 ||
	    (r = set_words(&w->issuer, &q->ek_issuer)) != 0 ||
	    (r = set_words(&w->maker, &q->ek_maker)) != 0 ||
	    (r = set_words(&w->problem, &q->ek_problem)) != 0)
		return r;
	return bytes_set(&w->name, q->name.data, q->name.len);
}

static int
put_machine(
    struct store *store, const struct applicant *who, struct store_waiting *w)
{
	int r = store_waiting_find(store, who->id, w);

	if (r == FAIL_NOT_FOUND) {
		snprintf(w->id, sizeof(w->id), "%s", who->id);
		w->first_seen = who->now;
	} else if (r != 0) {
		return r;
	}
	w->certified = who->request->standing == EK_CERTIFIED;
	w->times++;
	w->last_seen = who->now;
	snprintf(w->address, sizeof(w->address), "%s", who->address);
	if ((r = put_words(who->request, w)) != 0 ||
	    (r = store_waiting_put(store, w)) != 0 || w->number != 0)
		return r;
	store_waiting_reset(w);
	return store_waiting_find(store, who->id, w);
}

static int
put_key(struct store *store, const struct applicant *who, int64_t waiting)
{
	const struct judged_request *q = who->request;
	struct store_waiting_key key = { .type = q->type,
		.first_seen = who->now };
	struct text claims = { 0 };
	int r;

	write_claims(q, &claims);
	memcpy(key.fingerprint, who->fingerprint, sizeof(key.fingerprint));
	memcpy(key.person, who->person, sizeof(key.person));
	if ((r = bytes_set(&key.claims, claims.s, claims.len)) == 0 &&
	    (r = bytes_set(&key.blob, q->blob.data, q->blob.len)) == 0 &&
	    (r = bytes_set(&key.bound, q->bound.data, q->bound.len)) == 0)
		r = store_waiting_key_put(store, waiting, &key);
	store_waiting_key_reset(&key);
	return r;
}

int
waiting_record(struct store *store, const struct settings *settings,
    const struct applicant *who)
{
	struct keys_waiting seen = { .who = who };
	struct store_waiting w = { 0 };
	int r;

	if ((r = store_waiting_expire(
		 store, who->now - settings->pending_for)) == 0 &&
	    (r = put_machine(store, who, &w)) == 0 &&
	    (r = store_waiting_keys_each(
		 store, w.number, look_at_key, &seen)) == 0 &&
	    !seen.there)
		r = put_key(store, who, w.number);
	store_waiting_reset(&w);
	return r;
}
