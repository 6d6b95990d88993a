/* SPDX-License-Identifier: ISC */
/* sk-tpm-ca certificates, revoke and krl. */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "ca/command.h"
#include "ca/krl.h"
#include "ca/public-key.h"

/* --- certificates ------------------------------------------------------ */

static int
list_certificate(const struct store_certificate *c, void *arg)
{
	struct json_object *o = json_new();
	struct text serial = { 0 };

	text_add(&serial, "%llu", (unsigned long long)c->serial);
	json_add_text(o, "serial", serial.s);
	json_add_text(o, "type", certificate_type_word(c->type));
	json_add_bytes(o, "names", &c->principals);
	json_add_time(o, "issued", c->issued);
	json_add_time(o, "valid_to", c->valid_to);
	json_add_text(o, "state",
	    c->revoked != 0		   ? "revoked"
		: c->valid_to < time(NULL) ? "expired"
					   : "valid");
	json_add_text(o, "key", c->fingerprint);
	json_add_text(o, "person", c->person);
	json_object_array_add(arg, o);
	return 0;
}

int
ca_certificates(struct ca_invocation *inv)
{
	struct json_object *list;
	struct store_machine machine = { 0 };
	int r;

	if (inv->argc > 0 &&
	    (r = store_machine_by_name(inv->store, inv->argv[0], &machine)) !=
		0)
		return r == FAIL_NOT_FOUND
		    ? fail(r, "there is no machine %.100s", inv->argv[0])
		    : r;
	list = json_new_list();
	if ((r = store_certificates_each(
		 inv->store, machine.number, list_certificate, list)) != 0)
		json_object_put(list);
	else
		json_print(list, inv->options.json);
	return r;
}

/* --- revoke ------------------------------------------------------------ */

struct revoking {
	struct store_revocation which;
	const char *why;
	size_t n;
};

static int
revoke_within(struct ca_invocation *inv, struct audit_event *event, void *arg)
{
	struct revoking *v = arg;
	int r;

	event->text = v->why;
	if (inv->options.key != NULL &&
	    (r = store_revoke_key(
		 inv->store, inv->options.key, v->why, time(NULL))) != 0)
		return r;
	if (inv->options.key != NULL)
		return 0;
	if ((r = store_revoke(inv->store, &v->which, time(NULL), &v->n)) != 0)
		return r;
	if (v->n == 0 && v->which.person != NULL)
		return fail(FAIL_NOT_FOUND,
		    "no certificate of %.100s that is not revoked already",
		    v->which.person);
	return v->n > 0 || v->which.serial == 0
	    ? 0
	    : fail(FAIL_NOT_FOUND,
		  "no certificate of that serial number, or it is revoked "
		  "already");
}

static int
read_serial(const char *text, uint64_t *ret)
{
	char *end;

	*ret = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || *ret == 0)
		return fail(FAIL_ARGUMENT,
		    "--serial: \"%.100s\" is not a serial number", text);
	return 0;
}

static int
find_which(struct ca_invocation *inv, struct revoking *v)
{
	const struct ca_options *o = &inv->options;
	struct store_machine machine;
	int r;

	if ((o->machine != NULL) + (o->key != NULL) + (o->serial != NULL) +
		(o->person != NULL) !=
	    1)
		return fail(FAIL_ARGUMENT,
		    "revoke takes one of --machine NAME, --person NAME, --key "
		    "SHA256:... and --serial NUMBER");
	if (o->key != NULL && !fingerprint_is_wellformed(o->key))
		return fail(FAIL_ARGUMENT,
		    "--key: \"%.100s\" is not a fingerprint", o->key);
	v->which.person = o->person;
	if (o->serial != NULL)
		return read_serial(o->serial, &v->which.serial);
	if (o->machine == NULL)
		return 0;
	if ((r = store_machine_by_name(inv->store, o->machine, &machine)) ==
	    FAIL_NOT_FOUND)
		return fail(r, "there is no machine %.100s", o->machine);
	v->which.machine = machine.number;
	return r;
}

int
ca_revoke(struct ca_invocation *inv)
{
	struct audit_event event = {
		.what = "revoke",
		.machine = inv->options.machine,
		.fingerprint = inv->options.key,
		.person = inv->options.person,
	};
	struct revoking v = {
		.why = inv->options.reason != NULL
		    ? inv->options.reason
		    : "revoked by an administrator",
	};
	int r;

	v.which.why = v.why;
	if ((r = find_which(inv, &v)) != 0)
		return r;
	event.serial = v.which.serial;
	if ((r = ca_commit(inv, revoke_within, &event, &v)) != 0)
		return r;
	if (inv->options.key != NULL)
		printf("The key is revoked, with all of its certificates.\n");
	else
		printf(
		    "Revoked %zu certificate%s.\n", v.n, v.n == 1 ? "" : "s");
	return 0;
}

/* --- krl --------------------------------------------------------------- */

/* Whole or not at all: sshd refuses everybody where it cannot be read. */
static int
replace_file(const char *path, const struct bytes *content)
{
	char temporary[4096];
	FILE *f;
	bool good;
	int fd;

	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	if ((fd = mkostemp(temporary, O_CLOEXEC)) == -1)
		return fail(FAIL_ARGUMENT, "cannot write %s: %s", path,
		    strerror(errno));
	f = fdopen(fd, "w");
	good = f != NULL &&
	    fwrite(content->data, 1, content->len, f) == content->len &&
	    fchmod(fd, 0644) == 0 && fflush(f) == 0 && fsync(fd) == 0;
	if (f != NULL)
		good = fclose(f) == 0 && good;
	if (good && rename(temporary, path) == 0)
		return 0;
	fail(FAIL_ARGUMENT, "cannot write %s: %s", path, strerror(errno));
	unlink(temporary);
	return FAIL_ARGUMENT;
}

int
ca_krl(struct ca_invocation *inv)
{
	struct bytes krl = { 0 };
	int r;

	if ((r = store_begin(inv->store)) != 0)
		return r;
	if ((r = krl_current(inv->store, &inv->settings, time(NULL), &krl)) ==
	    0)
		r = store_commit(inv->store);
	else
		store_rollback(inv->store);
	if (r == 0 && inv->argc == 1)
		r = replace_file(inv->argv[0], &krl);
	else if (r == 0)
		fwrite(krl.data, 1, krl.len, stdout);
	bytes_reset(&krl);
	return r;
}
