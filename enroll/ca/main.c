/* SPDX-License-Identifier: ISC */
/* sk-tpm-ca: certificates for keys that are proven to be in a TPM. */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "ca/command.h"

/* --- the commands ------------------------------------------------------ */

const struct ca_command_entry ca_commands[] = {
	{ "init", "", "make the CA's keys, its store and its settings",
	    "dry-run names snippet write", 0, 0, ca_init, true },
	{ "machine add", "NAME ID...",
	    "let a machine, by what sk-tpm setup prints there, have "
	    "certificates",
	    "key profile", 1, 17, ca_machine_add, false },
	{ "machine list", "", "machines", "json pending", 0, 0, ca_machine_list,
	    false },
	{ "machine show", "NAME|ID", "one machine, with its ids and keys",
	    "json", 1, 1, ca_machine_show, false },
	{ "machine approve", "NAME [ID] [KEY]",
	    "let a machine, or a key, that waits have them", "profile type", 1,
	    3, ca_machine_approve, false },
	{ "machine refuse", "ID", "let a machine that waits have none",
	    "reason", 1, 1, ca_machine_refuse, false },
	{ "machine rename", "NAME NEW", "call it otherwise", "", 2, 2,
	    ca_machine_rename, false },
	{ "machine disable", "NAME", "revoke its certificates, issue no more",
	    "reason", 1, 1, ca_machine_disable, false },
	{ "machine enable", "NAME", "issue certificates again", "reason", 1, 1,
	    ca_machine_enable, false },
	{ "machine remove", "NAME", "revoke them, and forget the machine",
	    "reason", 1, 1, ca_machine_remove, false },
	{ "certificates", "[NAME]", "certificates that were issued", "json", 0,
	    1, ca_certificates, false },
	{ "revoke", "", "revoke certificates, or a key",
	    "key machine person reason serial", 0, 0, ca_revoke, false },
	{ "krl", "[FILE]", "the key revocation list", "", 0, 1, ca_krl, false },
	{ "rotate", "user|host", "let the next CA key take the place of one",
	    "now stolen switch", 1, 1, ca_rotate, false },
	{ "status", "", "counts, next expiries, and what was denied", "json", 0,
	    0, ca_status, false },
	{ "metrics", "[FILE]",
	    "the same for node_exporter's textfile collector", "", 0, 1,
	    ca_metrics, false },
	{ "audit", "", "verify the audit log, and print it", "from json syslog",
	    0, 0, ca_audit, false },
	{ "completions", "bash|zsh|fish", "a completion script for that shell",
	    "", 1, 1, ca_completions, true },
};

const size_t n_ca_commands = sizeof(ca_commands) / sizeof(ca_commands[0]);

/* --- the options ------------------------------------------------------- */

enum {
	OPTION_CONFIG = 'f',
	OPTION_HELP = 'h',
	OPTION_JSON = 'j',
	OPTION_KEY = 256,
	OPTION_PROFILE,
	OPTION_MACHINE,
	OPTION_PERSON,
	OPTION_SERIAL,
	OPTION_REASON,
	OPTION_NAMES,
	OPTION_SNIPPET,
	OPTION_FROM,
	OPTION_SYSLOG,
	OPTION_TYPE,
	OPTION_DRY_RUN,
	OPTION_WRITE,
	OPTION_PENDING,
	OPTION_SWITCH,
	OPTION_NOW,
	OPTION_STOLEN,
};

const struct option ca_option_table[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "from", required_argument, NULL, OPTION_FROM },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "key", required_argument, NULL, OPTION_KEY },
	{ "machine", required_argument, NULL, OPTION_MACHINE },
	{ "names", required_argument, NULL, OPTION_NAMES },
	{ "now", no_argument, NULL, OPTION_NOW },
	{ "pending", no_argument, NULL, OPTION_PENDING },
	{ "person", required_argument, NULL, OPTION_PERSON },
	{ "profile", required_argument, NULL, OPTION_PROFILE },
	{ "reason", required_argument, NULL, OPTION_REASON },
	{ "serial", required_argument, NULL, OPTION_SERIAL },
	{ "snippet", required_argument, NULL, OPTION_SNIPPET },
	{ "stolen", no_argument, NULL, OPTION_STOLEN },
	{ "switch", no_argument, NULL, OPTION_SWITCH },
	{ "syslog", required_argument, NULL, OPTION_SYSLOG },
	{ "type", required_argument, NULL, OPTION_TYPE },
	{ "write", no_argument, NULL, OPTION_WRITE },
	{ NULL, 0, NULL, 0 },
};

_Static_assert(sizeof(ca_option_table) / sizeof(ca_option_table[0]) <= 32,
    "an option has no bit of its own");

static const char **
text_option(struct ca_options *o, int c)
{
	switch (c) {
	case OPTION_CONFIG:
		return &o->config;
	case OPTION_KEY:
		return &o->key;
	case OPTION_PROFILE:
		return &o->profile;
	case OPTION_MACHINE:
		return &o->machine;
	case OPTION_PERSON:
		return &o->person;
	case OPTION_SERIAL:
		return &o->serial;
	case OPTION_REASON:
		return &o->reason;
	case OPTION_NAMES:
		return &o->names;
	case OPTION_SNIPPET:
		return &o->snippet;
	case OPTION_FROM:
		return &o->from;
	case OPTION_SYSLOG:
		return &o->syslog;
	case OPTION_TYPE:
		return &o->type;
	default:
		return NULL;
	}
}

static bool
set_flag(struct ca_options *o, int c)
{
	switch (c) {
	case OPTION_JSON:
		return o->json = true;
	case OPTION_DRY_RUN:
		return o->dry_run = true;
	case OPTION_WRITE:
		return o->write = true;
	case OPTION_PENDING:
		return o->pending = true;
	case OPTION_SWITCH:
		return o->change_over = true;
	case OPTION_NOW:
		return o->now = true;
	case OPTION_STOLEN:
		return o->stolen = true;
	case OPTION_HELP:
		return o->help = true;
	default:
		return false;
	}
}

/* --- help -------------------------------------------------------------- */

static void
print_usage(FILE *f)
{
	int width = 0;

	for (size_t i = 0; i < n_ca_commands; i++) {
		int n = (int)(strlen(ca_commands[i].words) +
		    strlen(ca_commands[i].arguments));

		width = n > width ? n : width;
	}
	fprintf(f, "usage: sk-tpm-ca COMMAND [OPTION...] [ARGUMENT...]\n\n");
	for (size_t i = 0; i < n_ca_commands; i++)
		fprintf(f, "  %s %-*s  %s\n", ca_commands[i].words,
		    width - (int)strlen(ca_commands[i].words),
		    ca_commands[i].arguments, ca_commands[i].summary);
	fprintf(f, "\nThe options are in sk-tpm-ca(8).\n");
}

int
ca_type(const char *word, enum certificate_type *ret)
{
	if (!certificate_type_parse(word, ret))
		return fail(FAIL_ARGUMENT,
		    "--type: \"%.100s\" is not a type of certificate; use "
		    "user or host",
		    word);
	return 0;
}

/* --- changes ----------------------------------------------------------- */

const char *
ca_administrator(void)
{
	static char name[64];
	unsigned int uid = getuid(), login;
	FILE *f = fopen("/proc/self/loginuid", "re");
	const struct passwd *pw;

	/* Who logged in, also behind sudo; (uid_t)-1 is nobody. */
	if (f != NULL) {
		if (fscanf(f, "%u", &login) == 1 && login != (uid_t)-1)
			uid = login;
		fclose(f);
	}
	pw = getpwuid(uid);
	if (pw != NULL)
		snprintf(name, sizeof(name), "%s", pw->pw_name);
	else
		snprintf(name, sizeof(name), "%u", uid);
	return name;
}

int
ca_commit(struct ca_invocation *inv,
    int (*change)(
	struct ca_invocation *inv, struct audit_event *event, void *arg),
    struct audit_event *event, void *arg)
{
	struct store_audit row = { 0 };
	int r;

	event->by = ca_administrator();
	if ((r = store_begin(inv->store)) != 0)
		return r;
	if ((r = change(inv, event, arg)) != 0 ||
	    (r = audit_add(inv->store, event, time(NULL), &row)) != 0)
		store_rollback(inv->store);
	else if ((r = store_commit(inv->store)) == 0)
		audit_mirror(&row);
	store_audit_reset(&row);
	return r;
}

/* --- running ----------------------------------------------------------- */

static const struct ca_command_entry *
find_command(int *argc, char ***argv)
{
	for (size_t i = 0; i < n_ca_commands; i++) {
		const char *words = ca_commands[i].words;
		const char *second = strchr(words, ' ');
		size_t first = strcspn(words, " ");
		int n = second != NULL ? 2 : 1;

		if (*argc < n || strlen((*argv)[0]) != first ||
		    strncmp((*argv)[0], words, first) != 0 ||
		    (n == 2 && strcmp((*argv)[1], second + 1) != 0))
			continue;
		*argc -= n;
		*argv += n;
		return &ca_commands[i];
	}
	return NULL;
}

/* Which options were given, bit n for ca_option_table[n]. */
static uint32_t
option_bit(int c)
{
	size_t i = 0;

	while (ca_option_table[i].name != NULL && ca_option_table[i].val != c)
		i++;
	return UINT32_C(1) << i;
}

bool
ca_has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *w = words; *w != '\0'; w += strspn(w, " ")) {
		size_t len = strcspn(w, " ");

		if (len == n && strncmp(w, word, n) == 0)
			return true;
		w += len;
	}
	return false;
}

/* One that a command does not have would be passed over in silence. */
static int
check_options(const struct ca_command_entry *command, uint32_t given)
{
	for (size_t i = 0; ca_option_table[i].name != NULL; i++)
		if ((given & UINT32_C(1) << i) != 0 &&
		    ca_option_table[i].val != OPTION_CONFIG &&
		    ca_option_table[i].val != OPTION_HELP &&
		    !ca_has_word(command->options, ca_option_table[i].name))
			return fail(FAIL_ARGUMENT, "%s has no option --%s",
			    command->words, ca_option_table[i].name);
	return 0;
}

static int
parse(int argc, char **argv, struct ca_invocation *inv,
    const struct ca_command_entry **ret)
{
	const char **text;
	uint32_t given = 0;
	int c;

	inv->options.config = SETTINGS_FILE;
	while ((c = getopt_long(argc, argv, "f:hj", ca_option_table, NULL)) !=
	    -1) {
		if ((text = text_option(&inv->options, c)) != NULL)
			*text = optarg;
		else if (!set_flag(&inv->options, c))
			return FAIL_ARGUMENT; /* getopt_long said why */
		given |= option_bit(c);
	}
	inv->argc = argc - optind;
	inv->argv = argv + optind;
	if (inv->options.help)
		return 0;
	if (inv->argc == 0)
		return fail(FAIL_ARGUMENT, "no command is given");
	*ret = find_command(&inv->argc, &inv->argv);
	if (*ret == NULL)
		return fail(FAIL_ARGUMENT, "there is no command \"%.100s\"",
		    inv->argv[0]);
	if (inv->argc < (*ret)->min_args || inv->argc > (*ret)->max_args)
		return fail(FAIL_ARGUMENT, "%s takes %s", (*ret)->words,
		    (*ret)->max_args == 0 ? "no arguments" : (*ret)->arguments);
	return check_options(*ret, given);
}

static int
run(const struct ca_command_entry *command, struct ca_invocation *inv)
{
	int r;

	if (command->alone)
		return command->run(inv);
	if ((r = settings_read(inv->options.config, &inv->settings)) != 0 ||
	    (r = store_open(
		 inv->settings.store, STORE_EXISTING, &inv->store)) != 0)
		return r;
	return command->run(inv);
}

/* A full disk or a closed pipe must not look like success. */
static int
answered(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CA_STATUS_OK;
	fprintf(stderr, "sk-tpm-ca: cannot write the answer: %s\n",
	    strerror(errno));
	return CA_STATUS_FAILED;
}

int
main(int argc, char **argv)
{
	struct ca_invocation inv = { 0 };
	const struct ca_command_entry *command = NULL;
	int r;

	log_set_program("sk-tpm-ca");
	log_begin();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("sk-tpm-ca " SK_TPM_VERSION);
		return answered();
	}
	if ((r = parse(argc, argv, &inv, &command)) != 0) {
		if (command != NULL || inv.argv != NULL)
			log_failure(r);
		fprintf(stderr, "Try: sk-tpm-ca --help\n");
		return CA_STATUS_USAGE;
	}
	if (inv.options.help) {
		print_usage(stdout);
		return answered();
	}
	r = run(command, &inv);
	store_close(inv.store);
	settings_reset(&inv.settings);
	if (r == 0)
		return answered();
	fflush(stdout);
	log_failure(r);
	return CA_STATUS_FAILED;
}
