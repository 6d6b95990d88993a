/* SPDX-License-Identifier: ISC */
/* sk-tpm completions: made from the same tables as parsing and --help. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "command.h"
#include "key/limits.h"

/*
 * Prints s in single quotes. Of the characters that are special there, the
 * tables have only the apostrophe.
 */
static void
print_quoted(const char *s)
{
	putchar('\'');
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*s);
	}
	putchar('\'');
}

/* The words that an option takes, separated by spaces, or NULL for any. */
static const char *
choices_of(const struct option_entry *o)
{
	static struct text limits;

	if (o->id == OPTION_PARENT)
		return "auto";
	if (o->id != OPTION_LIMIT)
		return NULL;
	limits = (struct text){ 0 };
	for (size_t i = 0; i < LIMIT_KINDS; i++) {
		const char *name = limit_names[i].name;

		text_add(&limits, "%s%s", i == 0 ? "" : " ", name);
		if (limit_names[i].kind == LIMIT_SIGN)
			text_add(&limits, " %s:", name);
	}
	return limits.s;
}

static bool
takes_file(const struct option_entry *o)
{
	return o->argument != NULL && strcmp(o->argument, "FILE") == 0;
}

/* What a command takes as its argument, by the table in main.c. */
static bool
names_file(const struct command *cmd)
{
	return strstr(cmd->arguments, "FILE") != NULL ||
	    strstr(cmd->arguments, "DIR") != NULL;
}

static bool
names_index(const struct command *cmd)
{
	return strstr(cmd->arguments, "INDEX") != NULL;
}

/* Words to type as they are: "bash|zsh|fish" gives "bash zsh fish". */
static bool
names_words(const struct command *cmd, char *ret, size_t size)
{
	if (!islower((unsigned char)cmd->arguments[0]))
		return false;
	snprintf(ret, size, "%s", cmd->arguments);
	for (char *p = ret; *p != '\0'; p++)
		if (*p == '|')
			*p = ' ';
	return true;
}

/* A command line that prints the indices of all resident keys. */
#define INDICES                             \
	"sk-tpm list 2>/dev/null | sed -n " \
	"\"s/^  *\\\\(0x[0-9a-fA-F]*\\\\) .*/\\\\1/p\""

/* --- bash -------------------------------------------------------------- */

static void
bash_values(void)
{
	for (size_t i = 0; i < n_option_entries; i++) {
		const struct option_entry *o = &option_table[i];
		const char *words = choices_of(o);

		if (o->argument == NULL)
			continue;
		printf("\t--%s", o->name);
		if (o->letter != '\0')
			printf("|-%c", o->letter);
		printf(") words='%s'%s; option= ;;\n",
		    words != NULL ? words : "",
		    takes_file(o) ? " files=yes" : "");
	}
}

/* What one command is completed with: its options, then its arguments. */
static void
bash_command(const struct command *cmd)
{
	char words[256];

	printf("\t\t%s:-*) words='", cmd->name);
	for (size_t i = 0; i < n_option_entries; i++)
		if (command_takes(cmd, &option_table[i]))
			printf(" --%s", option_table[i].name);
	printf("' ;;\n\t\t%s:*) ", cmd->name);
	if (names_words(cmd, words, sizeof(words)))
		printf("words='%s' ", words);
	if (names_file(cmd))
		printf("files=yes ");
	if (names_index(cmd))
		printf("words=$(" INDICES ") ");
	printf(";;\n");
}

static void
print_bash(void)
{
	/* bash splits "--limit=x" into three words. */
	printf("_sk_tpm() {\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]} words= files=\n"
	       "\tlocal option=${COMP_WORDS[COMP_CWORD-1]}\n"
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
	for (size_t i = 0; i < n_commands; i++)
		printf("%s%s", i == 0 ? "" : " ", commands[i].name);
	printf("'\n\telif [ -n \"$option\" ]; then\n"
	       "\t\tcase ${COMP_WORDS[1]}:$word in\n");
	for (size_t i = 0; i < n_commands; i++) {
		bash_command(&commands[i]);
	}
	printf("\t\tesac\n\tfi\n"
	       "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
	       "\"$word\"\n"
	       "\t\t[ -z \"$files\" ] || compgen -f -- \"$word\")\n"
	       "\t[ -z \"$files\" ] || compopt -o filenames 2>/dev/null\n"
	       "}\n"
	       "complete -F _sk_tpm sk-tpm\n");
}

/* --- zsh --------------------------------------------------------------- */

/* Appends s with its colons quoted. */
static void
zsh_quote(const char *s, struct text *out)
{
	for (; *s != '\0'; s++)
		text_add(out, *s == ':' ? "\\%c" : "%c", *s);
}

/* "--option=[help]:what:action", and the same for its letter. */
static void
zsh_option(const struct option_entry *o)
{
	struct text rest = { 0 };

	text_add(&rest, "[");
	zsh_quote(o->help, &rest);
	text_add(&rest, "]");
	if (o->argument != NULL) {
		text_add(&rest, ":");
		zsh_quote(o->argument, &rest);
		text_add(&rest, ":%s", takes_file(o) ? "_files" : "");
	}
	if (choices_of(o) != NULL) {
		text_add(&rest, "(");
		zsh_quote(choices_of(o), &rest);
		text_add(&rest, ")");
	}
	for (int letter = 0; letter < 2; letter++) {
		struct text entry = { 0 };

		if (letter == 0)
			text_add(&entry, "*--%s%s", o->name,
			    o->argument != NULL ? "=" : "");
		else
			text_add(&entry, "*-%c%s", o->letter,
			    o->argument != NULL ? "+" : "");
		text_add(&entry, "%s", rest.s);
		putchar(' ');
		print_quoted(entry.s);
		if (o->letter == '\0')
			break;
	}
}

static void
zsh_command(const struct command *cmd)
{
	char words[256];

	printf("%s) _arguments", cmd->name);
	for (size_t i = 0; i < n_option_entries; i++)
		if (command_takes(cmd, &option_table[i]))
			zsh_option(&option_table[i]);
	if (names_words(cmd, words, sizeof(words)))
		printf(" '1:shell:(%s)'", words);
	else if (names_file(cmd) && names_index(cmd))
		printf(" '1:file or index:_sk_tpm_keys'");
	else if (names_index(cmd))
		printf(" '1:index:_sk_tpm_indices'");
	else if (names_file(cmd))
		printf(" '*:file:_files'");
	printf(" ;;\n");
}

static void
print_zsh(void)
{
	printf("#compdef sk-tpm\n\n"
	       "_sk_tpm_indices() {\n"
	       "\tcompadd -- ${(f)\"$(" INDICES ")\"}\n"
	       "}\n"
	       "_sk_tpm_keys() {\n"
	       "\t_alternative 'files:key file:_files' \\\n"
	       "\t\t'indices:resident key:_sk_tpm_indices'\n"
	       "}\n\n"
	       "if ((CURRENT == 2)); then\n"
	       "\t_values command");
	for (size_t i = 0; i < n_commands; i++) {
		char entry[256];

		snprintf(entry, sizeof(entry), "%s[%s]", commands[i].name,
		    commands[i].summary);
		putchar(' ');
		print_quoted(entry);
	}
	/* _arguments expects the command as the first word. */
	printf("\n\treturn\nfi\n"
	       "local sub=$words[2]\n"
	       "shift words\n"
	       "((CURRENT--))\n"
	       "case $sub in\n");
	for (size_t i = 0; i < n_commands; i++) {
		zsh_command(&commands[i]);
	}
	printf("esac\n");
}

/* --- fish -------------------------------------------------------------- */

static void
fish_option(const struct command *cmd, const struct option_entry *o)
{
	const char *words = choices_of(o);

	printf("complete -c sk-tpm -n '__fish_seen_subcommand_from %s' -l %s",
	    cmd->name, o->name);
	if (o->letter != '\0')
		printf(" -s %c", o->letter);
	if (takes_file(o))
		printf(" -r -F");
	else if (o->argument != NULL)
		printf(" -x");
	if (words != NULL)
		printf(" -a '%s'", words);
	printf(" -d ");
	print_quoted(o->help);
	putchar('\n');
}

static void
fish_command(const struct command *cmd)
{
	char words[256];

	printf("complete -c sk-tpm -n '__fish_seen_subcommand_from %s' %s",
	    cmd->name, names_file(cmd) ? "-F" : "-f");
	if (names_words(cmd, words, sizeof(words)))
		printf(" -a '%s'", words);
	else if (names_index(cmd))
		printf(" -a '(" INDICES ")'");
	putchar('\n');
	for (size_t i = 0; i < n_option_entries; i++)
		if (command_takes(cmd, &option_table[i]))
			fish_option(cmd, &option_table[i]);
}

static void
print_fish(void)
{
	printf("complete -c sk-tpm -n __fish_use_subcommand -f\n");
	for (size_t i = 0; i < n_commands; i++) {
		printf("complete -c sk-tpm -n __fish_use_subcommand -a %s -d ",
		    commands[i].name);
		print_quoted(commands[i].summary);
		putchar('\n');
	}
	for (size_t i = 0; i < n_commands; i++) {
		fish_command(&commands[i]);
	}
}

int
command_completions(struct invocation *inv)
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
