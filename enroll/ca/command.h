/* SPDX-License-Identifier: ISC */
/* The commands of sk-tpm-ca; see sk-tpm-ca(8). */
#ifndef SKTPM_CA_COMMAND_H
#define SKTPM_CA_COMMAND_H

#include <getopt.h>
#include <json-c/json.h>

#include "ca/audit.h"
#include "ca/settings.h"

/* Exit statuses. */
enum {
	CA_STATUS_OK = 0,
	CA_STATUS_FAILED = 1,
	CA_STATUS_USAGE = 2,
};

/* The options, with what was given; NULL and false: nothing. */
struct ca_options {
	const char *config, *key, *profile, *machine, *person, *serial, *reason,
	    *names, *snippet, *from, *syslog, *type;
	bool json, dry_run, write, pending, change_over, now, stolen, help;
};

struct ca_invocation {
	struct ca_options options;
	int argc; /* words behind the command */
	char **argv;
	struct settings settings; /* of a command that reads them */
	struct store *store;	  /* likewise */
};

/* Each returns 0 or FAIL_, and has printed its answer. */
typedef int ca_command(struct ca_invocation *inv);

ca_command ca_machine_add, ca_machine_list, ca_machine_show, ca_machine_rename,
    ca_machine_disable, ca_machine_enable, ca_machine_remove,
    ca_machine_approve, ca_machine_refuse, ca_certificates, ca_revoke, ca_krl,
    ca_audit, ca_init, ca_rotate, ca_status, ca_metrics, ca_completions;

/* What --help, completions and the check of a command line go by. */
struct ca_command_entry {
	const char *words; /* one, or "machine" and another */
	const char *arguments;
	const char *summary;
	const char *options; /* beside --config and --help */
	int min_args, max_args;
	ca_command *run;
	bool alone; /* it reads settings and store by itself, or needs none */
};

extern const struct ca_command_entry ca_commands[];
extern const size_t n_ca_commands;

/* As getopt_long(3) has them, with the empty one at the end. */
extern const struct option ca_option_table[];

/* Whether a list of words, with spaces between them, has this one. */
bool ca_has_word(const char *words, const char *word);

/*
 * machine list and show, of those that wait: appends them to a list; prints
 * one, FAIL_NOT_FOUND where there is none with that id.
 */
int waiting_list(
    struct ca_invocation *inv, struct json_object *list) MUST_CHECK;
int waiting_show(struct ca_invocation *inv, const char *id) MUST_CHECK;

/* Reads "user" or "host" of --type. 0 or FAIL_ARGUMENT. */
int ca_type(const char *word, enum certificate_type *ret) MUST_CHECK;

/* Who runs this, for the audit log: a login name, or a uid in digits. */
const char *ca_administrator(void);

/*
 * Commits a change with its audit row: calls `change` between store_begin and
 * the row, and undoes all where it fails. `change` may set the event's texts.
 */
int ca_commit(struct ca_invocation *inv,
    int (*change)(
	struct ca_invocation *inv, struct audit_event *event, void *arg),
    struct audit_event *event, void *arg) MUST_CHECK;

/* --- answers ----------------------------------------------------------- */

/* Out of memory ends the program. */
struct json_object *json_new(void);
struct json_object *json_new_list(void);
/* Foreign bytes are escaped. NULL or an empty value: none. */
void json_add_text(struct json_object *o, const char *name, const char *value);
/* A text without a terminator. */
void json_add_bytes(
    struct json_object *o, const char *name, const struct bytes *value);
void json_add_time(struct json_object *o, const char *name, int64_t seconds);
void json_add_number(struct json_object *o, const char *name, int64_t value);

/* Prints and frees: an object as lines, a list as a table, or either as JSON.
 */
void json_print(struct json_object *o, bool as_json);

#endif
