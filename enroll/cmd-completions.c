/* SPDX-License-Identifier: ISC */
/* sk-tpm completions: from the tables that also parse and explain. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "log.h"

static void
print_names(const char *separator)
{
	for (size_t i = 0; i < n_commands; i++)
		printf("%s%s", i == 0 ? "" : separator, commands[i].name);
}

/* Words for a quoted string: no shell's special characters are in the tables,
 * but for apostrophes. */
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

static void
bash_options(const struct command *cmd)
{
	for (size_t i = 0; i < n_option_entries; i++)
		if (command_takes(cmd, &option_table[i]))
			printf(" --%s", option_table[i].name);
}

static void
print_bash(void)
{
	printf("_sk_tpm() {\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]} words\n"
	       "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	       "\t\twords='");
	print_names(" ");
	printf("'\n\telse\n\t\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; i < n_commands; i++) {
		printf("\t\t%s) words='", commands[i].name);
		bash_options(&commands[i]);
		printf("' ;;\n");
	}
	printf("\t\tesac\n\tfi\n"
	       "\tcase $word in\n"
	       "\t-*) ;;\n"
	       "\t*) [ \"$COMP_CWORD\" -eq 1 ] || words= ;;\n"
	       "\tesac\n"
	       "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
	       "\"$word\")\n"
	       "}\n"
	       "complete -o default -F _sk_tpm sk-tpm\n");
}

static void
print_zsh(void)
{
	printf("#compdef sk-tpm\n\nif ((CURRENT == 2)); then\n"
	       "\t_values command");
	for (size_t i = 0; i < n_commands; i++) {
		char entry[256];

		snprintf(entry, sizeof(entry), "%s[%s]", commands[i].name,
		    commands[i].summary);
		putchar(' ');
		print_quoted(entry);
	}
	printf("\n\treturn\nfi\ncase $words[2] in\n");
	for (size_t i = 0; i < n_commands; i++) {
		printf("%s) _arguments", commands[i].name);
		for (size_t j = 0; j < n_option_entries; j++) {
			const struct option_entry *o = &option_table[j];
			char entry[256];

			if (!command_takes(&commands[i], o))
				continue;
			snprintf(entry, sizeof(entry), "--%s%s[%s]%s", o->name,
			    o->argument != NULL ? "=" : "", o->help,
			    o->argument != NULL ? ":value:_files" : "");
			putchar(' ');
			print_quoted(entry);
		}
		printf(" '*:file:_files' ;;\n");
	}
	printf("esac\n");
}

static void
print_fish(void)
{
	for (size_t i = 0; i < n_commands; i++) {
		printf("complete -c sk-tpm -n __fish_use_subcommand -a %s -d ",
		    commands[i].name);
		print_quoted(commands[i].summary);
		putchar('\n');
	}
	for (size_t i = 0; i < n_commands; i++)
		for (size_t j = 0; j < n_option_entries; j++) {
			const struct option_entry *o = &option_table[j];

			if (!command_takes(&commands[i], o))
				continue;
			printf("complete -c sk-tpm -n "
			       "'__fish_seen_subcommand_from %s' -l %s",
			    commands[i].name, o->name);
			if (o->letter != '\0')
				printf(" -s %c", o->letter);
			printf("%s -d ", o->argument != NULL ? " -r" : "");
			print_quoted(o->help);
			putchar('\n');
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
		    "\"%.100s\" is not a shell that is known here; use bash, "
		    "zsh or fish",
		    inv->argv[0]);
	return 0;
}
