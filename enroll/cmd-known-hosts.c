/* SPDX-License-Identifier: ISC */
/*
 * sk-tpm known-hosts: for KnownHostsCommand of ssh_config(5). It says which CA
 * is trusted to name hosts, from the file that sk-tpm request --ca-keys keeps,
 * so that no line of known_hosts has to be written or renewed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "base/text.h"
#include "base/wire.h"
#include "command.h"
#include "openssh.h"

#define LINE_MAX_LEN 8192

static int
check_patterns(const struct invocation *inv)
{
	for (int i = 1; i < inv->argc; i++)
		if (!openssh_is_pattern(inv->argv[i]))
			return fail(FAIL_ARGUMENT,
			    "\"%.100s\" is no pattern of hosts, as "
			    "*.example.com",
			    inv->argv[i]);
	return 0;
}

/* "TYPE BASE64 [COMMENT]", and the key says the same type. */
static bool
is_key(struct slice line)
{
	const uint8_t *space = memchr(line.data, ' ', line.len);
	struct slice word, rest, type;
	struct bytes blob = { 0 };
	bool good;

	if (space == NULL)
		return false;
	word = slice_of_text((const char *)space + 1);
	word.len = strcspn((const char *)word.data, " ");
	good = base64_decode(word, &blob) == 0;
	rest = bytes_slice(&blob);
	good = good && wire_take_string(&rest, &type) &&
	    slice_equal(
		type, (struct slice){ line.data, (size_t)(space - line.data) });
	bytes_reset(&blob);
	return good;
}

static void
print_patterns(const struct invocation *inv)
{
	if (inv->argc == 1)
		putchar('*');
	for (int i = 1; i < inv->argc; i++)
		printf("%s%s", i > 1 ? "," : "", inv->argv[i]);
}

static int
print_keys(const struct invocation *inv, FILE *f)
{
	char line[LINE_MAX_LEN];
	unsigned int n = 0;

	while (fgets(line, sizeof(line), f) != NULL) {
		n++;
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (!is_key(slice_of_text(line)))
			return fail(FAIL_ARGUMENT,
			    "%.200s line %u is no public key; sk-tpm request "
			    "--ca-keys writes that file",
			    inv->argv[0], n);
		fputs("@cert-authority ", stdout);
		print_patterns(inv);
		printf(" %s\n", line);
	}
	return 0;
}

int
command_known_hosts(struct invocation *inv)
{
	struct stat st;
	FILE *f;
	int r;

	if ((r = check_patterns(inv)) != 0)
		return r;
	if ((f = home_open(inv->argv[0], &st)) == NULL)
		return fail(FAIL_ARGUMENT,
		    "cannot open %.200s: %s; sk-tpm request --ca-keys writes "
		    "it",
		    inv->argv[0], strerror(errno));
	r = print_keys(inv, f);
	fclose(f);
	return r;
}
