/* SPDX-License-Identifier: ISC */
/* sk-tpm-ca completions: made from the tables that parsing and --help go by. */
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "ca/command.h"

/* Command lines that print machines' names, and the profiles of the settings.
 */
#define NAMES                                                 \
	"sk-tpm-ca machine list --json 2>/dev/null | sed -n " \
	"\"s/.*\\\"name\\\": *\\\"\\([^\\\"]*\\)\\\".*/\\1/p\""
#define PROFILES                                        \
	"sed -n \"s/^[ \\t]*Profile[ \\t][ \\t]*//p\" " \
	"/etc/ssh/sk-tpm-ca.conf 2>/dev/null"

enum value {
	VALUE_NONE,
	VALUE_ANY,
	VALUE_FILE,
	VALUE_NAME,
	VALUE_PROFILE,
};

static enum value
value_of(const struct option *o)
{
	if (o->has_arg == no_argument)
		return VALUE_NONE;
	if (strcmp(o->name, "config") == 0 || strcmp(o->name, "snippet") == 0 ||
	    strcmp(o->name, "syslog") == 0)
		return VALUE_FILE;
	if (strcmp(o->name, "machine") == 0)
		return VALUE_NAME;
	return strcmp(o->name, "profile") == 0 ? VALUE_PROFILE : VALUE_ANY;
}

static bool
takes(const struct ca_command_entry *cmd, const struct option *o)
{
	return strcmp(o->name, "config") == 0 || strcmp(o->name, "help") == 0 ||
	    ca_has_word(cmd->options, o->name);
}

/* "add" of "machine add"; NULL for a command of one word. */
static const char *
second_word(const struct ca_command_entry *cmd)
{
	const char *space = strchr(cmd->words, ' ');

	return space != NULL ? space + 1 : NULL;
}

static bool
names_machine(const struct ca_command_entry *cmd)
{
	return strstr(cmd->arguments, "NAME") != NULL &&
	    cmd->run != ca_machine_add;
}

static bool
names_file(const struct ca_command_entry *cmd)
{
	return strstr(cmd->arguments, "FILE") != NULL;
}

/* Words to type as they are: "user|host" prints "user host". */
static void
print_words(const struct ca_command_entry *cmd)
{
	if (islower((unsigned char)cmd->arguments[0]))
		for (const char *c = cmd->arguments; *c != '\0'; c++)
			putchar(*c == '|' ? ' ' : *c);
}

/* The first words of all commands, or the second ones of "machine". */
static void
print_commands(bool second)
{
	const char *before = "";

	for (size_t i = 0; i < n_ca_commands; i++) {
		const char *word = second_word(&ca_commands[i]);

		if (second && word != NULL)
			printf("%s ", word);
		if (second ||
		    strncmp(before, ca_commands[i].words,
			strcspn(ca_commands[i].words, " ")) == 0)
			continue;
		before = ca_commands[i].words;
		printf("%.*s ", (int)strcspn(before, " "), before);
	}
}

/* --- bash -------------------------------------------------------------- */

static void
bash_values(void)
{
	static const char *const words[] = {
		[VALUE_ANY] = "",
		[VALUE_FILE] = " files=yes",
		[VALUE_NAME] = " words=$(_sk_tpm_ca_names)",
		[VALUE_PROFILE] = " words=$(_sk_tpm_ca_profiles)",
	};

	for (const struct option *o = ca_option_table; o->name != NULL; o++)
		if (value_of(o) != VALUE_NONE)
			printf("\t--%s) command=%s ;;\n", o->name,
			    words[value_of(o)]);
}

static void
bash_command(const struct ca_command_entry *cmd)
{
	printf("\t'%s:-'*) words='", cmd->words);
	for (const struct option *o = ca_option_table; o->name != NULL; o++)
		if (takes(cmd, o))
			printf("--%s ", o->name);
	printf("' ;;\n\t'%s:'*) words='", cmd->words);
	print_words(cmd);
	putchar('\'');
	if (names_machine(cmd))
		printf(" words=$(_sk_tpm_ca_names)");
	if (names_file(cmd))
		printf(" files=yes");
	printf(" ;;\n");
}

static void
print_bash(void)
{
	/* bash splits "--machine=x" into three words. */
	printf("_sk_tpm_ca_names() {\n"
	       "\t" NAMES "\n"
	       "}\n"
	       "_sk_tpm_ca_profiles() {\n"
	       "\t" PROFILES "\n"
	       "}\n"
	       "_sk_tpm_ca() {\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]} words= files=\n"
	       "\tlocal option=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tlocal command=${COMP_WORDS[1]} at=2\n"
	       "\tif [ \"$command\" = machine ]; then\n"
	       "\t\tcommand=\"machine ${COMP_WORDS[2]}\" at=3\n"
	       "\tfi\n"
	       "\tif [ \"$word\" = = ]; then\n"
	       "\t\tword=\n"
	       "\telif [ \"$option\" = = ]; then\n"
	       "\t\toption=${COMP_WORDS[COMP_CWORD-2]}\n"
	       "\tfi\n"
	       "\tcase $option in\n");
	bash_values();
	printf("\tesac\n"
	       "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	       "\t\twords='");
	print_commands(false);
	printf("'\n\telif [ \"$COMP_CWORD\" -lt \"$at\" ]; then\n"
	       "\t\twords='");
	print_commands(true);
	printf("'\n\telse\n\tcase $command:$word in\n");
	for (size_t i = 0; i < n_ca_commands; i++)
		bash_command(&ca_commands[i]);
	printf("\tesac\n\tfi\n"
	       "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\"\n"
	       "\t\t[ -z \"$files\" ] || compgen -f -- \"$word\")\n"
	       "\t[ -z \"$files\" ] || compopt -o filenames 2>/dev/null\n"
	       "}\n"
	       "complete -F _sk_tpm_ca sk-tpm-ca\n");
}

/* --- zsh --------------------------------------------------------------- */

static void
zsh_command(const struct ca_command_entry *cmd)
{
	static const char *const actions[] = {
		[VALUE_ANY] = "value: ",
		[VALUE_FILE] = "file:_files",
		[VALUE_NAME] = "machine:_sk_tpm_ca_names",
		[VALUE_PROFILE] = "profile:_sk_tpm_ca_profiles",
	};

	printf("'%s') _arguments", cmd->words);
	for (const struct option *o = ca_option_table; o->name != NULL; o++) {
		if (!takes(cmd, o))
			continue;
		if (value_of(o) == VALUE_NONE)
			printf(" --%s", o->name);
		else
			printf(" '--%s=:%s'", o->name, actions[value_of(o)]);
	}
	if (names_machine(cmd))
		printf(" '1:machine:_sk_tpm_ca_names'");
	else if (names_file(cmd))
		printf(" '1:file:_files'");
	else if (islower((unsigned char)cmd->arguments[0])) {
		printf(" '1:which:(");
		print_words(cmd);
		printf(")'");
	}
	printf(" ;;\n");
}

static void
print_zsh(void)
{
	/* _arguments expects the command as the first word. */
	printf("#compdef sk-tpm-ca\n\n"
	       "_sk_tpm_ca_names() {\n"
	       "\tcompadd -- ${(f)\"$(" NAMES ")\"}\n"
	       "}\n"
	       "_sk_tpm_ca_profiles() {\n"
	       "\tcompadd -- ${(f)\"$(" PROFILES ")\"}\n"
	       "}\n\n"
	       "if ((CURRENT == 2)); then\n"
	       "\tcompadd ");
	print_commands(false);
	printf("\n\treturn\nfi\n"
	       "local sub=$words[2]\n"
	       "if [[ $sub == machine ]]; then\n"
	       "\tif ((CURRENT == 3)); then\n"
	       "\t\tcompadd ");
	print_commands(true);
	printf("\n\t\treturn\n"
	       "\tfi\n"
	       "\tsub=\"machine $words[3]\"\n"
	       "\tshift words\n"
	       "\t((CURRENT--))\n"
	       "fi\n"
	       "shift words\n"
	       "((CURRENT--))\n"
	       "case $sub in\n");
	for (size_t i = 0; i < n_ca_commands; i++)
		zsh_command(&ca_commands[i]);
	printf("esac\n");
}

/* --- fish -------------------------------------------------------------- */

/* Prints the condition that this command has been typed. */
static void
fish_begin(const struct ca_command_entry *cmd)
{
	const char *second = second_word(cmd);

	printf("complete -c sk-tpm-ca -n '__fish_seen_subcommand_from %.*s",
	    (int)strcspn(cmd->words, " "), cmd->words);
	if (second != NULL)
		printf("; and __fish_seen_subcommand_from %s", second);
	putchar('\'');
}

static void
fish_command(const struct ca_command_entry *cmd)
{
	static const char *const values[] = {
		[VALUE_NONE] = "",
		[VALUE_ANY] = " -x",
		[VALUE_FILE] = " -r -F",
		[VALUE_NAME] = " -x -a '(" NAMES ")'",
		[VALUE_PROFILE] = " -x -a '(" PROFILES ")'",
	};

	fish_begin(cmd);
	printf(" %s", names_file(cmd) ? "-F" : "-f");
	if (names_machine(cmd))
		printf(" -a '(" NAMES ")'");
	else if (islower((unsigned char)cmd->arguments[0])) {
		printf(" -a '");
		print_words(cmd);
		putchar('\'');
	}
	putchar('\n');
	for (const struct option *o = ca_option_table; o->name != NULL; o++) {
		if (!takes(cmd, o))
			continue;
		fish_begin(cmd);
		printf(" -l %s%s\n", o->name, values[value_of(o)]);
	}
}

static void
print_fish(void)
{
	printf("complete -c sk-tpm-ca -n __fish_use_subcommand -f -a '");
	print_commands(false);
	printf("'\ncomplete -c sk-tpm-ca -n '__fish_seen_subcommand_from "
	       "machine; and not __fish_seen_subcommand_from ");
	print_commands(true);
	printf("' -f -a '");
	print_commands(true);
	printf("'\n");
	for (size_t i = 0; i < n_ca_commands; i++)
		fish_command(&ca_commands[i]);
}

int
ca_completions(struct ca_invocation *inv)
{
	if (strcmp(inv->argv[0], "bash") == 0)
		print_bash();
	else if (strcmp(inv->argv[0], "zsh") == 0)
		print_zsh();
	else if (strcmp(inv->argv[0], "fish") == 0)
		print_fish();
	else
		return fail(FAIL_ARGUMENT,
		    "there are no completions for \"%.100s\"; use bash, zsh "
		    "or fish",
		    inv->argv[0]);
	return 0;
}
