/* SPDX-License-Identifier: ISC */
/*
 * Subcommands and options. There is one table of each; parsing, --help and the
 * completions use both.
 */
#ifndef SKTPM_COMMAND_H
#define SKTPM_COMMAND_H

#include "answer.h"
#include "config.h"

/* Exit statuses, as sk-tpm(1) has them. */
enum {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_WARNED = 3,
	/* Of request, the first three as PROTOCOL.md, 5.5, has them. */
	STATUS_PENDING = 4,
	STATUS_REFUSED = 5,
	STATUS_LATER = 6,
	STATUS_BUSY = 7,
	STATUS_PIN = 8,
	STATUS_ENDORSEMENT = 9,
};

enum option_id {
	OPTION_APPLICATION,
	OPTION_ATTESTATION,
	OPTION_CA_KEY,
	OPTION_CA_KEYS,
	OPTION_CHALLENGE,
	OPTION_COMMENT,
	OPTION_DRY_RUN,
	OPTION_ENDORSEMENT_KEY,
	OPTION_FILE,
	OPTION_FORCE,
	OPTION_HELP,
	OPTION_HOSTS,
	OPTION_IF_ABSENT,
	OPTION_IF_NEEDED,
	OPTION_JSON,
	OPTION_KRL,
	OPTION_LIMIT,
	OPTION_LISTS,
	OPTION_NAME,
	OPTION_NO_TOUCH,
	OPTION_PARENT,
	OPTION_PCRS,
	OPTION_PERSISTENT,
	OPTION_PERSON, /* --user of join */
	OPTION_PIN,
	OPTION_PIN_FD,
	OPTION_PIN_LIFETIME,
	OPTION_RESIDENT,
	OPTION_SERVER,
	OPTION_TCTI,
	OPTION_TYPE,
	OPTION_USER,
	OPTION_WRITE,
	OPTION_YES,
	N_OPTIONS,
};

#define OPTION_MAX_VALUES 16

/* The values that were given for one option. */
struct values {
	size_t n;
	const char *value[OPTION_MAX_VALUES]; /* borrowed from argv */
};

struct invocation {
	struct config cfg;
	struct values options[N_OPTIONS];
	int argc; /* the arguments that are not options */
	char **argv;
};

/* The option's last value, or NULL; "" for a given one without argument. */
const char *option_value(const struct invocation *inv, enum option_id id);

/* ANSWER_JSON if --json was given. */
enum answer_form wanted_form(const struct invocation *inv);

/*
 * A subcommand returns 0 or a FAIL_ code, which main reports. doctor returns
 * COMMAND_FOUND_ codes for findings that it has printed itself.
 */
typedef int command_function(struct invocation *inv);

#define COMMAND_FOUND_WARNING 1
#define COMMAND_FOUND_WRONG 2

command_function command_completions, command_doctor, command_enroll,
    command_evict, command_forget, command_join, command_known_hosts,
    command_leave, command_list, command_renew, command_show, command_persist,
    command_pin, command_remove, command_request, command_setup, command_test;

/* The exit status of commands that ask a CA, for what they returned. */
int request_status(int r);

/* The tables, in main.c. */
struct option_entry {
	enum option_id id;
	const char *name;
	char letter;	      /* or '\0' */
	const char *argument; /* or NULL */
	const char *help;
};

#define BIT(id) (UINT64_C(1) << (id))
_Static_assert(N_OPTIONS <= 64, "an option has no bit of its own");

struct command {
	const char *name;
	const char *arguments;
	const char *summary;
	uint64_t options; /* BIT of each */
	int min_args, max_args;
	command_function *run;
};

extern const struct option_entry option_table[];
extern const size_t n_option_entries;
extern const struct command commands[];
extern const size_t n_commands;

bool command_takes(const struct command *cmd, const struct option_entry *o);

#endif
