/* SPDX-License-Identifier: ISC */
/*
 * sk-tpm renew: what sk-tpm-renew.service runs. Without --write it fetches, as
 * the machine's account; with it root puts in place what came.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "join/join.h"
#include "join/programs.h"

#define ARGUMENTS_MAX (32 + JOIN_ADDRESSES_MAX)

/* How a fetch is asked for: sk-tpm request, in a process of its own. */
struct fetching {
	const char *argv[ARGUMENTS_MAX];
	size_t n;
};

static void
add(struct fetching *f, const char *word)
{
	if (f->n < ARGUMENTS_MAX - 1)
		f->argv[f->n++] = word;
}

/* Status of sk-tpm request, as a failure of ours. */
static int
failure_of(int status, const char *what)
{
	switch (status) {
	case STATUS_OK:
		return 0;
	case STATUS_PENDING:
		return fail(FAIL_CA_PENDING, "the %s waits for approval", what);
	case STATUS_REFUSED:
		return fail(FAIL_CA_REFUSED, "no %s", what);
	default:
		return fail(FAIL_CA_LATER, "no %s this time", what);
	}
}

/* One line for the journal: what was renewed, and until when. */
static void
say(const struct bytes *output, const char *what)
{
	struct json_object *o;
	struct bytes text = { 0 };

	if (output->len == 0) {
		log_info("the %s is fresh", what);
		return;
	}
	if (bytes_set(&text, output->data, output->len) != 0 ||
	    bytes_append(&text, "", 1) != 0)
		return;
	o = json_tokener_parse((const char *)text.data);
	if (o != NULL && answer_member(o, "valid_to")[0] == '\0')
		printf("fetched: the lists of the CA; the %s is fresh\n", what);
	else if (o != NULL)
		printf("renewed: the %s for %s, valid until %s\n", what,
		    answer_member(o, "names"), answer_member(o, "valid_to"));
	json_object_put(o);
	bytes_reset(&text);
}

static int
fetch(const struct join *join, const char *what, struct fetching *f)
{
	struct bytes output = { 0 };
	int status, r;

	if (join->name != NULL) {
		add(f, "--name");
		add(f, join->name);
	}
	add(f, "--json");
	for (size_t i = 0; i < join->n_addresses; i++)
		add(f, join->addresses[i]);
	if ((r = program_run(f->argv, RUN_AS_OURSELVES, &output, &status)) ==
		0 &&
	    (r = failure_of(status, what)) == 0)
		say(&output, what);
	bytes_reset(&output);
	return r;
}

/* Of what comes, the revocation list is needed each time. */
static int
fetch_identity(const struct join *join)
{
	struct fetching f = {
		.argv = { program_self(), "request", "-f", JOIN_IDENTITY,
		    "--krl", JOIN_STATE "/" JOIN_KRL, "--ca-keys",
		    JOIN_STATE "/" JOIN_HOST_CA_KEYS, "--if-needed",
		    "--lists" },
		.n = 10,
	};

	return fetch(join, "machine's certificate", &f);
}

static int
fetch_host(const struct join *join)
{
	struct fetching f = {
		.argv = { program_self(), "request", "-f", JOIN_HOST_COPY,
		    "--type", "host", "--ca-keys",
		    JOIN_STATE "/" JOIN_USER_CA_KEYS, "--if-needed",
		    "--lists" },
		.n = 10,
	};

	return fetch(join, "host certificate", &f);
}

int
command_renew(struct invocation *inv)
{
	struct join join = { .inv = inv, .steps = answer_new_list() };
	int r;

	if ((r = join_settings_read(&join)) == 0) {
		/* What root fetches the account could not replace. */
		if (option_value(inv, OPTION_WRITE) == NULL && geteuid() == 0) {
			r = fail(FAIL_ARGUMENT,
			    "renew is run by " JOIN_ACCOUNT ", which has its "
			    "files: systemctl start sk-tpm-renew.service, or "
			    "setpriv; root's part is renew --write");
		} else if (option_value(inv, OPTION_WRITE) == NULL) {
			if ((r = fetch_identity(&join)) == 0)
				r = fetch_host(&join);
		} else if ((r = join_check_host()) == 0 &&
		    (r = join_lock()) == 0) {
			r = join_install(&join);
		}
	}
	json_object_put(join.steps);
	join_reset(&join);
	return r;
}
