/* SPDX-License-Identifier: ISC */
/* sk-tpm join: a server gets a host key in its TPM, certified by a CA. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "join/join.h"
#include "join/programs.h"
#include "openssh.h"

bool
join_step(struct join *join, const char *what, const char *where)
{
	char line[512];

	snprintf(line, sizeof(line), "%s %s", what, where);
	json_object_array_add(join->steps, json_object_new_string(line));
	if (wanted_form(join->inv) == ANSWER_LINES)
		puts(line);
	return !join->dry_run;
}

static int
take_arguments(struct join *join)
{
	const struct invocation *inv = join->inv;
	const char *name = option_value(inv, OPTION_NAME);
	const char *hosts = option_value(inv, OPTION_HOSTS);
	const char *person = option_value(inv, OPTION_PERSON);
	int r;

	if (person != NULL && (r = join_add_address(join, person)) != 0)
		return r;
	for (int i = 0; i < inv->argc; i++)
		if ((r = join_add_address(join, inv->argv[i])) != 0)
			return r;
	if (hosts != NULL && !openssh_is_pattern(hosts))
		return fail(FAIL_ARGUMENT,
		    "--hosts: \"%.100s\" is no pattern of hosts, as "
		    "*.example.com",
		    hosts);
	/* It gets a line of the settings. */
	if (name != NULL &&
	    (strlen(name) > 64 ||
		name[strspn(name,
		    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		    "0123456789.-")] != '\0'))
		return fail(FAIL_ARGUMENT,
		    "--name: \"%.100s\" is no host's name", name);
	if ((name != NULL && (join->name = strdup(name)) == NULL) ||
	    (hosts != NULL && (join->hosts = strdup(hosts)) == NULL))
		return fail(FAIL_MEMORY, "out of memory");
	if (join->n_addresses == 0)
		return fail(FAIL_ARGUMENT, "join takes ssh://CA ...");
	for (size_t i = 0; i < inv->options[OPTION_CA_KEY].n; i++)
		if (strncmp(inv->options[OPTION_CA_KEY].value[i],
			"SHA256:", 7) != 0)
			return fail(FAIL_ARGUMENT,
			    "--ca-key: \"%.100s\" is not a fingerprint; use "
			    "what ssh-keygen -l prints: SHA256:...",
			    inv->options[OPTION_CA_KEY].value[i]);
	return 0;
}

/* A key that an administrator made is used, and stays theirs. */
static int
take_host_key(struct join *join)
{
	join->made_host_key = access(JOIN_HOST_KEY, F_OK) != 0;
	if (!join->made_host_key && access(JOIN_HOST_CERT, F_OK) == 0)
		return fail(FAIL_ARGUMENT,
		    JOIN_HOST_KEY
		    " has a certificate of another CA's already, " JOIN_HOST_CERT
		    ": move it away first");
	return 0;
}

static void
take_over(char **ours, char **before)
{
	if (*ours != NULL)
		return;
	*ours = *before;
	*before = NULL;
}

/* One of another CA's has to leave first: its keys are trusted here. */
static int
check_joined(struct join *join)
{
	struct join before = { .inv = join->inv };
	int r = join_settings_read(&before);

	if (r == FAIL_NOT_FOUND)
		return take_host_key(join);
	join->made_host_key = before.made_host_key;
	/* What is not said anew is as it was. */
	take_over(&join->name, &before.name);
	take_over(&join->hosts, &before.hosts);
	if (r == 0 && strcmp(before.addresses[0], join->addresses[0]) != 0)
		r = fail(FAIL_ARGUMENT,
		    "this machine has joined %s: sk-tpm leave first",
		    before.addresses[0]);
	join_reset(&before);
	return r;
}

/* By the account of the machine, as the timer has it done later. */
static int
renew(struct join *join)
{
	const char *const argv[] = { program_self(), "renew", NULL };
	struct bytes output = { 0 };
	int status, r;

	if (!join_step(join, "Asking", join->addresses[0]))
		return 0;
	if ((r = program_run(argv, RUN_AS_MACHINE, &output, &status)) == 0 &&
	    status == STATUS_PENDING)
		r = fail(FAIL_CA_PENDING,
		    "the CA lets this machine wait for approval; it joins by "
		    "itself then");
	else if (r == 0 && status == STATUS_REFUSED)
		r = fail(FAIL_CA_REFUSED,
		    "the CA refuses this machine. If it does not know it: "
		    "sk-tpm-ca machine add NAME ID there, with the id that "
		    "sk-tpm setup prints here; then join again");
	else if (r == 0 && status != 0)
		r = fail(FAIL_CA_LATER,
		    "the CA gave no certificates; come again, or have the "
		    "timer do so");
	bytes_reset(&output);
	return r;
}

static int
start_timer(struct join *join)
{
	static const char *const enable[] = { "systemctl", "enable", "--now",
		JOIN_TIMER, NULL };

	if (access("/run/systemd/system", F_OK) != 0) {
		join_step(join, "No systemd here: have run every hour",
		    "sk-tpm renew as " JOIN_ACCOUNT
		    " with group tss, and sk-tpm renew --write as root behind "
		    "it");
		return 0;
	}
	if (!join_step(join, "Starting", JOIN_TIMER))
		return 0;
	return program_must(enable, RUN_AS_OURSELVES);
}

static int
join_up(struct join *join)
{
	int r, started;

	if ((r = join_check_sshd()) != 0 || (r = check_joined(join)) != 0 ||
	    (r = join_make_account(join)) != 0 ||
	    (r = join_pin_ca(join)) != 0 ||
	    (r = join_settings_write(join)) != 0 ||
	    (r = join_make_keys(join)) != 0)
		return r;
	r = renew(join);
	/* Also where it has to wait: the timer goes on with it. */
	started = start_timer(join);
	if (r != 0 || (r = started) != 0 || join->dry_run)
		return r;
	return join_install(join);
}

static void
tell(struct join *join, const char *state)
{
	struct json_object *o;

	if (wanted_form(join->inv) == ANSWER_LINES) {
		json_object_put(join->steps);
		if (strcmp(state, "joined") == 0)
			puts(
			    "Joined. Clients that know another host key of "
			    "this server, and not the CA, may see it as "
			    "changed: give them the line @cert-authority of " JOIN_KNOWN_HOSTS
			    ".\n"
			    "Try a login by a certificate before you have "
			    "sshd take nothing else:\n"
			    "  AuthorizedKeysFile none");
		return;
	}
	o = answer_new();
	answer_text(o, "state", state);
	answer_text(o, "ca", join->addresses[0]);
	answer_object(o, "steps", join->steps);
	answer_print(o, ANSWER_JSON);
}

int
command_join(struct invocation *inv)
{
	struct join join = {
		.inv = inv,
		.dry_run = option_value(inv, OPTION_DRY_RUN) != NULL,
		.steps = answer_new_list(),
	};
	int r;

	r = take_arguments(&join);
	if (r == 0 && option_value(inv, OPTION_PERSON) != NULL) {
		r = join_person(&join);
		json_object_put(join.steps);
		join_reset(&join);
		return r;
	}
	if (r == 0 && (r = join_check_host()) == 0 &&
	    (join.dry_run || (r = join_lock()) == 0))
		r = join_up(&join);
	if (r == 0)
		tell(&join, join.dry_run ? "not joined" : "joined");
	else
		json_object_put(join.steps);
	join_reset(&join);
	return r;
}
