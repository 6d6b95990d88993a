/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "ca/inventory.h"
#include "ca/unix-socket.h"

/* libexec/inventory ends the command before that. */
#define ANSWERS_IN_MS 20000
#define ANSWER_MAX 16384

/* --- what it says ------------------------------------------------------ */

static int
bad(const char *keyword, const char *why)
{
	return fail(FAIL_UNAVAILABLE, "InventoryCommand says \"%.100s\": %s",
	    keyword, why);
}

static int
take_name(char ret[STORE_NAME_MAX + 1], const char *keyword, char *value)
{
	char *word = strsep(&value, " \t");

	if (ret[0] != '\0')
		return bad(keyword, "it says so twice");
	if (word == NULL || value != NULL || !name_is_wellformed(word))
		return bad(keyword,
		    "what follows is no name of lower case letters, digits, "
		    "dots and hyphens");
	snprintf(ret, STORE_NAME_MAX + 1, "%s", word);
	return 0;
}

static int
take_principals(
    struct inventory *ret, int which, const char *keyword, char *value)
{
	struct texts *out = &ret->principals[which];
	char *word;

	if (ret->principals_set[which])
		return bad(keyword, "it says so twice");
	ret->principals_set[which] = true;
	while ((word = strsep(&value, " \t")) != NULL) {
		if (word[0] == '\0')
			continue;
		if (!principal_is_wellformed(word))
			return bad(keyword,
			    "what follows are no principals of letters, "
			    "digits, dots, hyphens and underscores");
		if (out->n == SETTINGS_TEXTS_MAX)
			return bad(keyword, "there may be 32 of them");
		if ((out->text[out->n] = strdup(word)) == NULL)
			return fail(FAIL_MEMORY, "out of memory");
		out->n++;
	}
	return 0;
}

static int
take_line(struct inventory *ret, char *line)
{
	char *value = line;
	const char *keyword = strsep(&value, " \t");

	if (keyword[0] == '\0' || keyword[0] == '#')
		return 0;
	for (const char *c = keyword; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			return bad("...", "a line is not text");
	if (strcmp(keyword, "name") == 0)
		return take_name(ret->name, keyword, value);
	if (strcmp(keyword, "profile") == 0)
		return take_name(ret->profile, keyword, value);
	if (strcmp(keyword, "user-principals") == 0)
		return take_principals(ret, 0, keyword, value);
	if (strcmp(keyword, "host-principals") == 0)
		return take_principals(ret, 1, keyword, value);
	return bad(keyword,
	    "there is name, profile, user-principals and host-principals");
}

int
inventory_parse(char *text, struct inventory *ret)
{
	bool something = false;
	char *line;
	int r;

	*ret = (struct inventory){ 0 };
	while ((line = strsep(&text, "\n")) != NULL) {
		something |= line[0] != '\0' && line[0] != '#';
		if ((r = take_line(ret, line)) != 0)
			return r;
	}
	ret->known = ret->name[0] != '\0';
	if (something && !ret->known)
		return bad("...", "a machine needs a name");
	return 0;
}

void
inventory_reset(struct inventory *inventory)
{
	for (int i = 0; i < 2; i++)
		for (size_t n = 0; n < inventory->principals[i].n; n++)
			free(inventory->principals[i].text[n]);
	*inventory = (struct inventory){ 0 };
}

/* --- asking ------------------------------------------------------------ */

/* Both are short: a socket takes them whole. */
static bool
send_question(int fd, const char *id, const struct judged_request *request)
{
	const bool certified = request->standing == EK_CERTIFIED;
	struct text t = { 0 };

	/* What another certificate says is the machine's own word. */
	text_add(&t, "id %s\nsubject %s\nserial %s\ntype %s\n.\n", id,
	    certified && request->ek_subject.len > 0
		? (const char *)request->ek_subject.data
		: "",
	    certified && request->ek_serial.len > 0
		? (const char *)request->ek_serial.data
		: "",
	    certificate_type_word(request->type));
	return send(fd, t.s, t.len, MSG_NOSIGNAL) == (ssize_t)t.len;
}

/* All of it, to its end, with a zero behind. */
static int
receive(int fd, char ret[ANSWER_MAX])
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t deadline = clock_deadline(ANSWERS_IN_MS);
	size_t len = 0;
	ssize_t n;

	for (;;) {
		if (clock_ms_left(deadline) == 0)
			return fail(FAIL_UNAVAILABLE,
			    "InventoryCommand takes too long");
		if (poll(&pfd, 1, clock_ms_left(deadline)) <= 0)
			continue;
		n = read(fd, ret + len, ANSWER_MAX - 1 - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		if (len == ANSWER_MAX - 1)
			return fail(FAIL_UNAVAILABLE,
			    "InventoryCommand prints more than 16 KiB");
	}
	ret[len] = '\0';
	if (strlen(ret) != len)
		return fail(FAIL_UNAVAILABLE,
		    "InventoryCommand prints what is no text");
	return 0;
}

/* The helper's last line tells that the command ended well. */
static int
take_end(char *text)
{
	size_t n = strlen(text);

	if (n < 4 || strcmp(text + n - 4, "\nok\n") != 0)
		return fail(FAIL_UNAVAILABLE,
		    "InventoryCommand failed; the journal of "
		    "sk-tpm-ca-inventory has what it said");
	text[n - 3] = '\0';
	return 0;
}

int
inventory_ask(const struct settings *settings, const char *id,
    const struct judged_request *request, struct inventory *ret)
{
	char answer[ANSWER_MAX];
	int fd, r;

	*ret = (struct inventory){ 0 };
	if ((fd = unix_connect(settings->inventory_socket)) == -1)
		return fail(FAIL_UNAVAILABLE,
		    "cannot reach %s, which runs InventoryCommand: %s; start "
		    "sk-tpm-ca-inventory.socket",
		    settings->inventory_socket, strerror(errno));
	if (!send_question(fd, id, request))
		r = fail(FAIL_UNAVAILABLE, "cannot ask InventoryCommand");
	else if ((r = receive(fd, answer)) == 0 && (r = take_end(answer)) == 0)
		r = inventory_parse(answer, ret);
	close(fd);
	return r;
}
