/* SPDX-License-Identifier: ISC */
/* sk-tpm: the command beside libsk-tpm. See sk-tpm(1). */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "base/error.h"
#include "base/log.h"
#include "base/process.h"
#include "command.h"
#include "key/limits.h"
#include "request/askpass.h"

const struct option_entry option_table[] = {
	{ OPTION_APPLICATION, "application", 'a', "TEXT",
	    "what the key is for; begins with ssh: (default: ssh:)" },
	{ OPTION_ATTESTATION, "attestation", '\0', "FILE",
	    "write the attestation, as ssh-keygen does" },
	{ OPTION_CA_KEY, "ca-key", '\0', "SHA256:...",
	    "the host key that the CA has to have; repeatable" },
	{ OPTION_CA_KEYS, "ca-keys", '\0', "FILE",
	    "also write the CA's keys, for TrustedUserCAKeys" },
	{ OPTION_CHALLENGE, "challenge", '\0', "FILE",
	    "what the attestation is to cover" },
	{ OPTION_COMMENT, "comment", 'C', "TEXT", "comment of the public key" },
	{ OPTION_DRY_RUN, "dry-run", '\0', NULL,
	    "only say what would be done" },
	{ OPTION_ENDORSEMENT_KEY, "endorsement-key", '\0', "SHA256:...",
	    "go on only if this is the machine's id" },
	{ OPTION_FILE, "file", 'f', "FILE",
	    "key file to write (default: ~/.ssh/id_ecdsa_sk)" },
	{ OPTION_FORCE, "force", '\0', NULL,
	    "replace an existing file or resident key" },
	{ OPTION_HELP, "help", 'h', NULL, "this text" },
	{ OPTION_HOSTS, "hosts", '\0', "PATTERN",
	    "those that the CA certifies, as *.example.com" },
	{ OPTION_IF_ABSENT, "if-absent", '\0', NULL,
	    "only if the file is not there; one that works here will do" },
	{ OPTION_IF_NEEDED, "if-needed", '\0', NULL,
	    "only if a third of the certificate's time, or less, is left" },
	{ OPTION_JSON, "json", 'j', NULL, "answer in JSON" },
	{ OPTION_KRL, "krl", '\0', "FILE",
	    "also write the CA's revocation list, for RevokedKeys" },
	{ OPTION_LIMIT, "limit", 'l', "KIND",
	    "only for " LIMIT_CHOICES "; repeatable" },
	{ OPTION_LISTS, "lists", '\0', NULL,
	    "what --krl and --ca-keys name alone, and no certificate" },
	{ OPTION_NAME, "name", '\0', "TEXT",
	    "what the CA's administrator is to read" },
	{ OPTION_NO_TOUCH, "no-touch", 'n', NULL, "sign without a person" },
	{ OPTION_PARENT, "parent", 'p', "HANDLE",
	    "persistent parent key, or auto" },
	{ OPTION_PCRS, "pcrs", '\0', "LIST",
	    "only while these PCRs are as now; 7 or 7+4" },
	{ OPTION_PERSISTENT, "persistent", '\0', NULL,
	    "with a persistent copy in the TPM, for faster signatures" },
	{ OPTION_PERSON, "user", '\0', "ssh://NAME@CA",
	    "a person's key, and not this server's" },
	{ OPTION_PIN, "pin", 'P', NULL, "give the key a PIN" },
	{ OPTION_PIN_FD, "pin-fd", '\0', "NUMBER",
	    "read the PIN from this file descriptor" },
	{ OPTION_PIN_LIFETIME, "pin-lifetime", '\0', "TIME",
	    "one PIN entry counts that long; 10m or 1h" },
	{ OPTION_RESIDENT, "resident", 'r', NULL,
	    "keep the key in the TPM as well" },
	{ OPTION_SERVER, "server", 's', "SHA256:...",
	    "only for logins to this host key; repeatable" },
	{ OPTION_TCTI, "tcti", 'T', "TCTI", "the TPM to use" },
	{ OPTION_TYPE, "type", '\0', "user|host",
	    "the kind of certificate (default: user)" },
	{ OPTION_USER, "user", 'u', "NAME",
	    "tells resident keys of one application apart" },
	{ OPTION_WRITE, "write", '\0', NULL,
	    "write it where it is to be read" },
	{ OPTION_YES, "yes", 'y', NULL, "do not ask" },
};

const size_t n_option_entries = sizeof(option_table) / sizeof(option_table[0]);

#define COMMON (BIT(OPTION_HELP) | BIT(OPTION_TCTI))

const struct command commands[] = {
	{ "completions", "bash|zsh|fish", "print completions for a shell",
	    BIT(OPTION_HELP), 1, 1, command_completions },
	{ "doctor", "[FILE|INDEX]", "check the TPM, OpenSSH, and a key",
	    COMMON | BIT(OPTION_JSON), 0, 1, command_doctor },
	{ "enroll", "", "make a key in the TPM",
	    COMMON | BIT(OPTION_APPLICATION) | BIT(OPTION_ATTESTATION) |
		BIT(OPTION_CHALLENGE) | BIT(OPTION_COMMENT) | BIT(OPTION_FILE) |
		BIT(OPTION_FORCE) | BIT(OPTION_IF_ABSENT) | BIT(OPTION_JSON) |
		BIT(OPTION_LIMIT) | BIT(OPTION_PIN_FD) | BIT(OPTION_NO_TOUCH) |
		BIT(OPTION_PARENT) | BIT(OPTION_PCRS) | BIT(OPTION_PERSISTENT) |
		BIT(OPTION_PIN) | BIT(OPTION_PIN_LIFETIME) |
		BIT(OPTION_RESIDENT) | BIT(OPTION_SERVER) | BIT(OPTION_USER),
	    0, 0, command_enroll },
	{ "evict", "FILE|HANDLE", "free the slot of a key's persistent copy",
	    COMMON, 1, 1, command_evict },
	{ "forget", "[FILE]", "ask for the PIN of a key, or of all, again",
	    BIT(OPTION_HELP), 0, 1, command_forget },
	{ "join", "ssh://CA ...",
	    "have a CA certify this server's keys, and trust it",
	    COMMON | BIT(OPTION_CA_KEY) | BIT(OPTION_DRY_RUN) |
		BIT(OPTION_FILE) | BIT(OPTION_HOSTS) | BIT(OPTION_JSON) |
		BIT(OPTION_NAME) | BIT(OPTION_PERSON),
	    0, 16, command_join },
	{ "known-hosts", "FILE [PATTERN...]",
	    "tell ssh which CA names hosts, for KnownHostsCommand",
	    BIT(OPTION_HELP), 1, 64, command_known_hosts },
	{ "leave", "", "take back what join has done",
	    COMMON | BIT(OPTION_DRY_RUN) | BIT(OPTION_JSON), 0, 0,
	    command_leave },
	{ "list", "[DIR]", "list resident keys, and key files in ~/.ssh or DIR",
	    COMMON | BIT(OPTION_JSON), 0, 1, command_list },
	{ "show", "FILE|INDEX", "tell all that a key is",
	    COMMON | BIT(OPTION_JSON), 1, 1, command_show },
	{ "remove", "INDEX", "remove a resident key, after asking",
	    COMMON | BIT(OPTION_YES), 1, 1, command_remove },
	{ "persist", "FILE", "make a persistent copy of a key in the TPM",
	    COMMON, 1, 1, command_persist },
	{ "pin", "FILE|INDEX", "change a key's PIN", COMMON, 1, 1,
	    command_pin },
	{ "renew", "", "fetch this server's certificates; for its timer",
	    COMMON | BIT(OPTION_WRITE), 0, 0, command_renew },
	{ "request", "ssh://CA ...",
	    "have a CA certify a key that is in this TPM",
	    COMMON | BIT(OPTION_FILE) | BIT(OPTION_CA_KEYS) | BIT(OPTION_KRL) |
		BIT(OPTION_IF_NEEDED) | BIT(OPTION_JSON) | BIT(OPTION_LISTS) |
		BIT(OPTION_NAME) | BIT(OPTION_TYPE),
	    1, 16, command_request },
	{ "setup", "", "make the storage root key persistent, name the library",
	    COMMON | BIT(OPTION_DRY_RUN) | BIT(OPTION_ENDORSEMENT_KEY) |
		BIT(OPTION_WRITE),
	    0, 0, command_setup },
	{ "test", "FILE|INDEX", "sign and verify once, and say what it took",
	    COMMON | BIT(OPTION_JSON), 1, 1, command_test },
};

const size_t n_commands = sizeof(commands) / sizeof(commands[0]);

bool
command_takes(const struct command *cmd, const struct option_entry *o)
{
	return (cmd->options & BIT(o->id)) != 0;
}

const char *
option_value(const struct invocation *inv, enum option_id id)
{
	const struct values *v = &inv->options[id];

	return v->n > 0 ? v->value[v->n - 1] : NULL;
}

enum answer_form
wanted_form(const struct invocation *inv)
{
	return option_value(inv, OPTION_JSON) != NULL ? ANSWER_JSON
						      : ANSWER_LINES;
}

/* --- help -------------------------------------------------------------- */

static void
print_usage(FILE *out)
{
	fprintf(out, "usage: sk-tpm COMMAND [option ...] [argument]\n\n");
	for (size_t i = 0; i < n_commands; i++)
		fprintf(out, "  %-12s%-14s%s\n", commands[i].name,
		    commands[i].arguments, commands[i].summary);
	fprintf(out,
	    "\nsk-tpm COMMAND --help lists the command's options; sk-tpm "
	    "--version prints the version.\n");
}

static void
print_command_help(const struct command *cmd, FILE *out)
{
	fprintf(out, "usage: sk-tpm %s [option ...]%s%s\n\n%s\n\n", cmd->name,
	    cmd->arguments[0] != '\0' ? " " : "", cmd->arguments, cmd->summary);
	for (size_t i = 0; i < n_option_entries; i++) {
		const struct option_entry *o = &option_table[i];
		char left[64], letter[8] = "    ";

		if (!command_takes(cmd, o))
			continue;
		if (o->letter != '\0')
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name,
		    o->argument != NULL ? " " : "",
		    o->argument != NULL ? o->argument : "");
		fprintf(out, "  %-26s %s\n", left, o->help);
	}
}

/* --- parsing ----------------------------------------------------------- */

/* getopt_long(3)'s tables for one command. */
static void
make_getopt_tables(
    const struct command *cmd, struct option *longs, char *shorts)
{
	size_t n = 0;

	/* getopt_long(3) then returns ':' for a missing argument. */
	*shorts++ = ':';
	for (size_t i = 0; i < n_option_entries; i++) {
		const struct option_entry *o = &option_table[i];

		if (!command_takes(cmd, o))
			continue;
		longs[n++] = (struct option){ .name = o->name,
			.has_arg = o->argument != NULL ? required_argument
						       : no_argument,
			.val = 256 + (int)o->id };
		if (o->letter == '\0')
			continue;
		*shorts++ = o->letter;
		if (o->argument != NULL)
			*shorts++ = ':';
	}
	longs[n] = (struct option){ 0 };
	*shorts = '\0';
}

static int
id_of(int value)
{
	if (value >= 256)
		return value - 256;
	for (size_t i = 0; i < n_option_entries; i++)
		if (option_table[i].letter == value)
			return (int)option_table[i].id;
	return -1;
}

/* Explains why getopt_long(3) returned '?' or ':'. */
static int
bad_option(const struct command *cmd, int c, char **argv)
{
	const char *word = argv[optind - 1];

	if (c == ':')
		return fail(FAIL_ARGUMENT, "%.100s wants an argument", word);
	if (optopt >= 256)
		return fail(FAIL_ARGUMENT, "--%s takes no argument",
		    option_table[id_of(optopt)].name);
	if (optopt != 0)
		return fail(
		    FAIL_ARGUMENT, "%s has no option -%c", cmd->name, optopt);
	for (size_t i = 0; i < n_option_entries; i++)
		if (command_takes(cmd, &option_table[i]) &&
		    strncmp(option_table[i].name, word + 2, strlen(word + 2)) ==
			0)
			return fail(FAIL_ARGUMENT,
			    "%.100s is the beginning of several options of %s",
			    word, cmd->name);
	return fail(FAIL_ARGUMENT, "%s has no option %.100s", cmd->name, word);
}

static int
parse(const struct command *cmd, int argc, char **argv, struct invocation *inv)
{
	struct option longs[N_OPTIONS + 1];
	char shorts[2 * N_OPTIONS + 2];
	int c;

	make_getopt_tables(cmd, longs, shorts);
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		int id = id_of(c);
		struct values *v;

		if (id < 0)
			return bad_option(cmd, c, argv);
		v = &inv->options[id];
		if (v->n == OPTION_MAX_VALUES)
			return fail(FAIL_ARGUMENT, "too many of --%s",
			    option_table[id].name);
		v->value[v->n++] = optarg != NULL ? optarg : "";
	}
	inv->argc = argc - optind;
	inv->argv = argv + optind;
	if (option_value(inv, OPTION_HELP) != NULL)
		return 0;
	if (inv->argc < cmd->min_args || inv->argc > cmd->max_args)
		return fail(FAIL_ARGUMENT, "%s takes %s", cmd->name,
		    cmd->max_args == 0 ? "no arguments" : cmd->arguments);
	return 0;
}

/* --- running ----------------------------------------------------------- */

static int
configure(struct invocation *inv)
{
	const char *tcti = option_value(inv, OPTION_TCTI);
	const char *parent = option_value(inv, OPTION_PARENT);
	const char *lifetime = option_value(inv, OPTION_PIN_LIFETIME);
	int r;

	if ((r = config_load(&inv->cfg)) != 0)
		return r;
	log_set_level(inv->cfg.log_level);
	if (tcti != NULL &&
	    (r = config_set(&inv->cfg, "TCTI", tcti, "--tcti")) != 0)
		return r;
	if (parent != NULL &&
	    (r = config_set(&inv->cfg, "Parent", parent, "--parent")) != 0)
		return r;
	if (lifetime != NULL)
		return config_set(
		    &inv->cfg, "PINLifetime", lifetime, "--pin-lifetime");
	return 0;
}

/* A full disk or a closed pipe must not look like success. */
static int
answered(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return STATUS_OK;
	fprintf(stderr, "sk-tpm: cannot write the answer\n");
	return STATUS_FAILED;
}

static bool
is_word(const char *arg, const char *a, const char *b)
{
	return strcmp(arg, a) == 0 || strcmp(arg, b) == 0;
}

/* For arguments that could not be parsed: --json may stand behind the error. */
static enum answer_form
form_named_in(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (is_word(argv[i], "--json", "-j"))
			return ANSWER_JSON;
	return ANSWER_LINES;
}

/* As JSON on standard output if asked for, and always for a person. */
static void
tell_failure(int r, enum answer_form form)
{
	if (form == ANSWER_JSON)
		answer_failure(r);
	log_failure(r);
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct invocation inv = { 0 };
	int r;

	if ((r = parse(cmd, argc, argv, &inv)) != 0) {
		tell_failure(r, form_named_in(argc, argv));
		fprintf(stderr, "Try: sk-tpm %s --help\n", cmd->name);
		return STATUS_USAGE;
	}
	if (option_value(&inv, OPTION_HELP) != NULL) {
		print_command_help(cmd, stdout);
		return answered();
	}
	if ((r = configure(&inv)) == 0)
		r = cmd->run(&inv);
	config_reset(&inv.cfg);
	if (r == 0)
		return answered();
	if (r == COMMAND_FOUND_WARNING)
		return answered() == STATUS_OK ? STATUS_WARNED : STATUS_FAILED;
	if (r != COMMAND_FOUND_WRONG)
		tell_failure(r, wanted_form(&inv));
	return cmd->run == command_request || cmd->run == command_join ||
		cmd->run == command_renew
	    ? request_status(r)
	    : STATUS_FAILED;
}

int
main(int argc, char **argv)
{
	log_begin_secret();
	if (askpass_is_asked(argc, argv))
		return askpass_main(argv[1]);
	process_keep_memory();
	/* If our caller ignores SIGCHLD, we cannot learn how children end. */
	signal(SIGCHLD, SIG_DFL);
	if (argc < 2) {
		print_usage(stderr);
		return STATUS_USAGE;
	}
	/* "sk-tpm --json list" is "sk-tpm list --json". */
	if (argc > 2 && is_word(argv[1], "--json", "-j")) {
		char *option = argv[1];

		argv[1] = argv[2];
		argv[2] = option;
	}
	if (is_word(argv[1], "--help", "-h") || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return answered();
	}
	if (is_word(argv[1], "--version", "-V")) {
		puts("sk-tpm " SK_TPM_VERSION);
		return answered();
	}
	for (size_t i = 0; i < n_commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return run(&commands[i], argc - 1, argv + 1);
	fail(FAIL_ARGUMENT, "there is no command \"%.100s\"", argv[1]);
	log_failure(FAIL_ARGUMENT);
	print_usage(stderr);
	return STATUS_USAGE;
}
