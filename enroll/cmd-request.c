/* SPDX-License-Identifier: ISC */
/* sk-tpm request: a certificate for a key that is proven to be in this TPM. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "base/text.h"
#include "base/wire.h"
#include "command.h"
#include "new-file.h"
#include "request/agent-certificate.h"
#include "request/certificate-file.h"
#include "request/conversation.h"
#include "request/progress.h"
#include "request/trust-files.h"

struct requesting {
	const struct invocation *inv;
	char *key_file;
	struct keyref ref;
	struct certificate_file file;
	struct message_request request;
	struct proof proof;
	struct askpass *askpass;
	uint32_t wrong_tries; /* before ssh was given the PIN */
	struct ca_reader answer;
	const char *address;	   /* the CA that has answered */
	const char *krl, *ca_keys; /* files to be written; or NULL */
};

static int
take_type(const struct invocation *inv, enum certificate_type *ret)
{
	const char *type = option_value(inv, OPTION_TYPE);

	if (!certificate_type_parse(type != NULL ? type : "user", ret))
		return fail(FAIL_ARGUMENT,
		    "--type: \"%.100s\" is not a kind of certificate; use user "
		    "or host",
		    type);
	return 0;
}

/* All of them, before anything is done. */
static int
check_addresses(const struct invocation *inv)
{
	struct bytes destination = { 0 };
	int r = 0;

	for (int i = 0; i < inv->argc && r == 0; i++) {
		r = conversation_destination(inv->argv[i], &destination);
		bytes_reset(&destination);
	}
	return r;
}

static int
read_key(struct requesting *q, enum certificate_type type)
{
	const char *file = option_value(q->inv, OPTION_FILE);
	int r;

	q->key_file =
	    file != NULL ? strdup(file) : home_path(".ssh/id_ecdsa_sk");
	if (q->key_file == NULL)
		return fail(FAIL_MEMORY, "out of memory, or no home directory");
	if ((r = keyref_by_either_name(q->key_file, &q->ref)) != 0 ||
	    (r = keyref_check_is_file(&q->ref)) != 0)
		return r;
	return certificate_file_of(&q->ref, q->key_file, type, &q->file);
}

/* Files of the CA's are there, and can be replaced. */
static int
check_files(struct requesting *q, bool *ret_all_there)
{
	const char *const paths[] = { q->krl, q->ca_keys };
	int r;

	*ret_all_there = true;
	for (int i = 0; i < 2; i++) {
		if (paths[i] == NULL)
			continue;
		if ((r = new_file_check(paths[i], REPLACE_EXISTING)) != 0)
			return r;
		*ret_all_there &= access(paths[i], F_OK) == 0;
	}
	return 0;
}

/* sshd trusts keys for users, and a user's ssh those for hosts. */
static int
put_files(const struct requesting *q)
{
	uint32_t trusted = q->file.type == CERTIFICATE_HOST ? CERTIFICATE_USER
							    : CERTIFICATE_HOST;
	const char *file = q->file.path;
	char *public = NULL;
	int r;

	if (asprintf(&public, "%.*s.pub",
		(int)(strlen(file) - strlen("-cert.pub")), file) == -1)
		return fail(FAIL_MEMORY, "out of memory");
	r = q->krl == NULL ? 0
			   : krl_put(q->krl, &q->answer.krl,
				 access(file, F_OK) == 0 ? file : public, NULL);
	free(public);
	if (r != 0)
		return r;
	return q->ca_keys == NULL
	    ? 0
	    : ca_keys_put(q->ca_keys, &q->answer, trusted);
}

static void
put_wants(struct requesting *q)
{
	q->request.wants = (q->krl != NULL ? MESSAGE_WANT_KRL : 0u) |
	    (q->ca_keys != NULL ? MESSAGE_WANT_CA_KEYS : 0u);
}

static bool
may_log_in(const struct handle *h)
{
	return h->limits.kinds == 0 || (h->limits.kinds & LIMIT_LOGIN) != 0;
}

/* ssh logs in by the same key, and is not to ask for its PIN again. */
static int
prepare_login(struct requesting *q)
{
	int r;

	if (q->proof.pin.len == 0 || !may_log_in(&q->ref.handle))
		return 0;
	if ((r = proof_wrong_tries(&q->proof, &q->wrong_tries)) != 0)
		return r;
	return askpass_new(
	    q->key_file, (const char *)q->proof.pin.data, &q->askpass);
}

/*
 * ssh does not tell why a login failed. If it was the PIN, that is wrong for
 * the next CA, too.
 */
static int
check_pin(const struct requesting *q, int r)
{
	uint32_t now;

	if (r != FAIL_CA_LATER || q->askpass == NULL ||
	    !askpass_gave(q->askpass) || q->answer.state != CA_GREETING ||
	    proof_wrong_tries(&q->proof, &now) != 0 || now <= q->wrong_tries)
		return r;
	return fail(FAIL_WRONG_PIN, "wrong PIN: ssh could not log in");
}

/* The next one is tried where this one cannot be reached, or is busy. */
static int
ask_each(struct requesting *q)
{
	int r = FAIL_CA_LATER;

	for (int i = 0; i < q->inv->argc && r == FAIL_CA_LATER; i++) {
		if (i > 0)
			log_info("%s; the next one is asked", log_cause());
		q->address = q->inv->argv[i];
		if ((r = conversation_destination(
			 q->address, &q->request.destination)) != 0)
			return r;
		ca_reader_reset(&q->answer);
		progress("Asking %s", q->address);
		r = check_pin(q,
		    conversation_with(q->address,
			may_log_in(&q->ref.handle) ? q->key_file : NULL,
			&q->request, &q->proof, q->askpass, &q->answer));
	}
	return r;
}

/* --- the answer -------------------------------------------------------- */

static void
answer_time(struct json_object *o, const char *name, uint64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;
	char text[32];

	if (at == CERTIFICATE_FOREVER || localtime_r(&t, &tm) == NULL) {
		answer_text(o, name, "forever");
		return;
	}
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	answer_text(o, name, text);
}

static void
add_names(const struct certificate *c, struct text *t)
{
	struct slice rest = c->principals, name;

	while (rest.len > 0 && wire_take_string(&rest, &name))
		text_add(t, "%s%.*s", t->len > 0 ? "," : "", (int)name.len,
		    (const char *)name.data);
}

static void
answer_files(struct json_object *o, const struct requesting *q)
{
	if (q->krl != NULL)
		answer_path(o, "krl", q->krl);
	if (q->ca_keys != NULL)
		answer_path(o, "ca_keys", q->ca_keys);
}

static void
answer(const struct requesting *q, const struct certificate *c, bool kept,
    bool in_agent)
{
	struct json_object *o = answer_new();
	struct text names = { 0 }, key_id = { 0 };

	add_names(c, &names);
	text_add(
	    &key_id, "%.*s", (int)c->key_id.len, (const char *)c->key_id.data);
	answer_path(o, "certificate", q->file.path);
	answer_text(o, "type", certificate_type_word(q->file.type));
	answer_text(o, "key_id", key_id.s);
	answer_text(o, "names", names.s);
	answer_time(o, "valid_to", c->valid_before);
	answer_text(o, "ca", q->address);
	answer_bool(o, "replaced", !kept);
	answer_bool(o, "in_agent", in_agent);
	answer_files(o, q);
	answer_print(o, wanted_form(q->inv));
}

/* For an administrator to read: --name, or what the host is called. */
static int
put_name(struct requesting *q)
{
	const char *name = option_value(q->inv, OPTION_NAME);
	char host[65] = "";

	if (name == NULL && gethostname(host, sizeof(host) - 1) == 0 &&
	    host[strspn(host,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789.-")] == '\0')
		name = host;
	return name == NULL ? 0
			    : bytes_set(&q->request.name, name, strlen(name));
}

static int
request(struct requesting *q, enum certificate_type type)
{
	struct certificate c;
	bool kept, in_agent;
	int r;

	q->request.type = type;
	progress("Looking for the TPM's endorsement key");
	if ((r = put_name(q)) != 0 ||
	    (r = proof_prepare(
		 &q->inv->cfg, &q->ref, &q->proof, &q->request)) != 0 ||
	    (r = prepare_login(q)) != 0 || (r = ask_each(q)) != 0 ||
	    (r = certificate_file_put(&q->file,
		 bytes_slice(&q->answer.certificate), &c, &kept)) != 0 ||
	    (r = put_files(q)) != 0)
		return r;
	in_agent = !kept &&
	    agent_certificate_put(
		&q->file, bytes_slice(&q->answer.certificate), &c);
	answer(q, &c, kept, in_agent);
	return 0;
}

/* No proof is needed: the CA knows the key that logs in. */
static int
fetch_lists(struct requesting *q)
{
	int r;

	q->request.type = 0;
	return (r = ask_each(q)) != 0 ? r : put_files(q);
}

static void
answer_lists(const struct requesting *q)
{
	struct json_object *o = answer_new();

	answer_text(o, "ca", q->address);
	answer_files(o, q);
	answer_print(o, wanted_form(q->inv));
}

/* A certificate that is fresh may be of a CA's key that is not trusted now. */
static int
refresh_lists(
    struct requesting *q, bool has_certificate, enum certificate_type type)
{
	int r;

	r = fetch_lists(q);
	/* Nor has the CA to know the key any more, which it will say. */
	if (r == FAIL_CA_REFUSED && has_certificate)
		return request(q, type);
	if (r != 0)
		return r;
	if (has_certificate &&
	    ((q->krl != NULL && krl_revokes(q->krl, q->file.path)) ||
		!certificate_file_is_of(
		    &q->file, q->answer.ca_keys, q->answer.n_ca_keys)))
		return request(q, type);
	answer_lists(q);
	return 0;
}

static int
check_lists(const struct requesting *q, bool lists)
{
	return lists && q->krl == NULL && q->ca_keys == NULL
	    ? fail(FAIL_ARGUMENT,
		  "--lists: name the files by --krl and --ca-keys")
	    : 0;
}

int
command_request(struct invocation *inv)
{
	bool if_needed = option_value(inv, OPTION_IF_NEEDED) != NULL;
	bool lists = option_value(inv, OPTION_LISTS) != NULL;
	struct requesting q = {
		.inv = inv,
		.krl = option_value(inv, OPTION_KRL),
		.ca_keys = option_value(inv, OPTION_CA_KEYS),
	};
	bool all_there, fresh;
	enum certificate_type type = CERTIFICATE_USER;
	int r;

	/* ssh's configuration may run us for the login to the CA, too. */
	if (getenv(CONVERSATION_MARK) != NULL)
		return 0;
	signal(SIGPIPE, SIG_IGN);
	if ((r = check_lists(&q, lists)) == 0 &&
	    (r = take_type(inv, &type)) == 0 &&
	    (r = check_addresses(inv)) == 0 && (r = read_key(&q, type)) == 0 &&
	    (r = check_files(&q, &all_there)) == 0) {
		put_wants(&q);
		fresh = if_needed && certificate_file_is_fresh(&q.file);
		if (lists && (fresh || !if_needed))
			r = refresh_lists(&q, fresh, type);
		else if (!fresh || !all_there)
			r = request(&q, type);
	}
	askpass_free(q.askpass);
	proof_reset(&q.proof);
	message_request_reset(&q.request);
	ca_reader_reset(&q.answer);
	certificate_file_reset(&q.file);
	keyref_reset(&q.ref);
	free(q.key_file);
	return r;
}

int
request_status(int r)
{
	switch (r) {
	case FAIL_CA_PENDING:
		return STATUS_PENDING;
	case FAIL_CA_REFUSED:
	case FAIL_PROTOCOL:
	case FAIL_VERSION:
	case FAIL_CERTIFICATE:
	case FAIL_CHALLENGE:
		return STATUS_REFUSED;
	case FAIL_CA_LATER:
		return STATUS_LATER;
	case FAIL_TPM_BUSY:
		return STATUS_BUSY;
	case FAIL_PIN_REQUIRED:
	case FAIL_WRONG_PIN:
	case FAIL_LAST_TRY:
	case FAIL_LOCKOUT:
	case FAIL_SECRET:
		return STATUS_PIN;
	case FAIL_ENDORSEMENT_PASSWORD:
		return STATUS_ENDORSEMENT;
	default:
		return STATUS_FAILED;
	}
}
