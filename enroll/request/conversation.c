/* SPDX-License-Identifier: ISC */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "openssh.h"
#include "request/conversation.h"
#include "request/progress.h"

#define SCHEME "ssh://"
/* From the CA's first line on; before it, a person may be asked something. */
#define ANSWER_SECONDS 60
#define LOGIN_SECONDS 300
#define LOGIN_SECONDS_UNASKED 60
#define CONNECT_SECONDS "10"
#define ARGUMENTS_MAX 24

struct conversation {
	const char *address;
	int to, from;
	pid_t ssh;
	struct message_lines lines;
	struct bytes said; /* by both sides, to the end of the challenge */
	uint64_t deadline;
	bool greeted;
	struct askpass *askpass; /* or NULL */
};

/* --- the address ------------------------------------------------------- */

static bool
is_host(const char *s, size_t n)
{
	if (n == 0 || s[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] > '~' ||
		    strchr("/?#\"'\\", s[i]) != NULL)
			return false;
	return true;
}

static bool
is_port(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > 0 && n <= 5 && s[n] == '\0' && atoi(s) > 0 &&
	    atoi(s) <= 65535;
}

int
conversation_destination(const char *address, struct bytes *ret)
{
	const char *name = address + strlen(SCHEME), *end, *port = NULL;

	if (strncmp(address, SCHEME, strlen(SCHEME)) != 0)
		goto bad;
	end = name + strlen(name);
	if (end > name && end[-1] == '/')
		end--;
	/* The colons of an address of IPv6 are in brackets. */
	for (const char *p = end; p > name && p[-1] != ']' && p[-1] != '@'; p--)
		if (p[-1] == ':')
			port = p;
	if (port != NULL) {
		char digits[8];

		snprintf(
		    digits, sizeof(digits), "%.*s", (int)(end - port), port);
		if (!is_port(digits))
			goto bad;
		end = port - 1;
	}
	if (!is_host(name, (size_t)(end - name)) || end[-1] == '@' ||
	    end - name > MESSAGE_TEXT_MAX)
		goto bad;
	return bytes_set(ret, name, (size_t)(end - name));
bad:
	return fail(FAIL_ARGUMENT,
	    "\"%.100s\" is not the address of a CA; use ssh://[user@]host[:port]",
	    address);
}

/* --- ssh --------------------------------------------------------------- */

/* Whether `text`, "NAME=value", has the name of one of these. */
static bool
is_one_of(const char *text, char *const *ours, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(text, ours[i], strcspn(ours[i], "=") + 1) == 0)
			return true;
	return false;
}

static char **
environment(const struct askpass *askpass)
{
	char *const *ours = NULL;
	size_t n = 0, n_ours = 0, out = 0;
	char **env;

	if (askpass != NULL) {
		ours = askpass_environment(askpass);
		n_ours = ASKPASS_ENV;
	}
	while (environ[n] != NULL)
		n++;
	if ((env = calloc(n + n_ours + 2, sizeof(*env))) == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!is_one_of(environ[i], ours, n_ours))
			env[out++] = environ[i];
	for (size_t i = 0; i < n_ours; i++)
		env[out++] = ours[i];
	env[out] = (char *)(uintptr_t)(CONVERSATION_MARK "=1");
	return env;
}

/* Nothing of the person's configuration opens more than this one channel. */
static int
spawn(struct conversation *c, const char *key_file, int in, int out)
{
	char provider[600];
	/* An agent with the key would ask for the PIN that we have. */
	const char *agent =
	    c->askpass != NULL ? "IdentityAgent=none" : "PermitLocalCommand=no";
	const char *argv[ARGUMENTS_MAX] = { "ssh", "-T", "-S", "none", "-o",
		provider, "-o", agent, "-o", "ClearAllForwardings=yes", "-o",
		"ForwardAgent=no", "-o", "ForwardX11=no", "-o",
		"PermitLocalCommand=no", "-o",
		"ConnectTimeout=" CONNECT_SECONDS };
	size_t n = 0;
	posix_spawn_file_actions_t actions;
	char **env = environment(c->askpass);
	int err;

	if (env == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	snprintf(provider, sizeof(provider), "SecurityKeyProvider=%s",
	    openssh_library());
	while (argv[n] != NULL)
		n++;
	/* A key that may not log in would only have ssh say so. */
	if (key_file != NULL) {
		argv[n++] = "-i";
		argv[n++] = key_file;
	}
	argv[n++] = "--";
	argv[n] = c->address;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	err = posix_spawnp(
	    &c->ssh, "ssh", &actions, NULL, (char **)(uintptr_t)argv, env);
	posix_spawn_file_actions_destroy(&actions);
	free(env);
	return err == 0
	    ? 0
	    : fail(FAIL_CA_LATER, "cannot run ssh: %s", strerror(err));
}

static int
begin(struct conversation *c, const char *key_file)
{
	int in[2], out[2], r;

	if (pipe2(in, O_CLOEXEC) != 0)
		return fail(
		    FAIL_INTERNAL, "cannot make a pipe: %s", strerror(errno));
	if (pipe2(out, O_CLOEXEC) != 0) {
		close(in[0]);
		close(in[1]);
		return fail(
		    FAIL_INTERNAL, "cannot make a pipe: %s", strerror(errno));
	}
	r = spawn(c, key_file, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	c->to = in[1];
	c->from = out[0];
	if (r == 0 && c->askpass != NULL)
		askpass_begin(c->askpass, c->ssh);
	return r;
}

static void
end(struct conversation *c)
{
	if (c->to != -1)
		close(c->to);
	if (c->from != -1)
		close(c->from);
	if (c->ssh > 0)
		child_end(c->ssh, 500);
	message_lines_reset(&c->lines);
	bytes_reset(&c->said);
}

/* --- lines ------------------------------------------------------------- */

static int
say(struct conversation *c, const struct bytes *what)
{
	size_t at = 0;
	ssize_t n;

	while (at < what->len) {
		n = write(c->to, what->data + at, what->len - at);
		if (n == -1 && errno == EINTR)
			continue;
		/* What it said before it went away is read next. */
		if (n <= 0)
			return 0;
		at += (size_t)n;
	}
	return 0;
}

static int
went_away(const struct conversation *c)
{
	if (!c->greeted)
		return fail(FAIL_CA_LATER,
		    "the CA at %.100s cannot be reached, or does not let this "
		    "key log in",
		    c->address);
	return fail(FAIL_CA_LATER,
	    "the CA at %.100s ended the connection before its answer",
	    c->address);
}

static int
read_more(struct conversation *c)
{
	struct pollfd pfds[2] = { { .fd = c->from, .events = POLLIN },
		{ .fd = c->askpass != NULL ? askpass_fd(c->askpass) : -1,
		    .events = POLLIN } };
	uint8_t buf[8192];
	ssize_t n;

	do {
		n = poll(pfds, 2, clock_ms_left(c->deadline));
		if (n > 0 && pfds[1].revents != 0)
			askpass_serve(c->askpass);
	} while (
	    (n == -1 && errno == EINTR) || (n > 0 && pfds[0].revents == 0));
	if (n == 0)
		return fail(FAIL_CA_LATER, "the CA at %.100s does not answer",
		    c->address);
	do
		n = read(c->from, buf, sizeof(buf));
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return went_away(c);
	return message_lines_add(&c->lines, (struct slice){ buf, (size_t)n });
}

/* The CA's next line into the reader, and into `said`. */
static int
hear(struct conversation *c, struct ca_reader *reader)
{
	struct slice line;
	int r;

	while (!message_lines_next(&c->lines, &line))
		if ((r = read_more(c)) != 0)
			return r;
	if (!c->greeted)
		c->deadline = clock_deadline(ANSWER_SECONDS * 1000);
	c->greeted = true;
	if ((r = ca_reader_take(reader, line)) != 0)
		return r;
	if (reader->state != CA_CHALLENGE && reader->state != CA_CERTIFICATE)
		return 0;
	if ((r = bytes_append(&c->said, line.data, line.len)) == 0)
		r = bytes_append(&c->said, "\n", 1);
	return r;
}

/* --- what is said ------------------------------------------------------ */

static int
ended(const struct conversation *c, const struct ca_reader *reader)
{
	struct text words = { 0 };
	const struct message_code_name *code = &message_codes[reader->code];

	text_add_quoted(&words, bytes_slice(&reader->text), 300);
	if (reader->state == CA_PENDING)
		return fail(FAIL_CA_PENDING,
		    "the CA at %.100s wants this approved first, and says %s; "
		    "ask again after that",
		    c->address, words.s);
	return fail(code->exit_status == 6 ? FAIL_CA_LATER : FAIL_CA_REFUSED,
	    "the CA at %.100s says %s: %s; %s", c->address, code->name, words.s,
	    code->exit_status == 6 ? "try again later"
				   : "its administrator can tell more");
}

static bool
is_over(const struct ca_reader *reader)
{
	return reader->state == CA_PENDING || reader->state == CA_ERROR;
}

static int
send_request(struct conversation *c, const struct message_request *request)
{
	struct bytes out = { 0 };
	int r;

	if ((r = message_put_request(&out, request)) == 0 &&
	    (r = bytes_append(&c->said, out.data, out.len)) == 0)
		r = say(c, &out);
	bytes_reset(&out);
	return r;
}

static int
send_answer(struct conversation *c, const struct proof *proof,
    const struct ca_reader *reader)
{
	const struct challenge challenge = { bytes_slice(&reader->id_object),
		bytes_slice(&reader->encrypted_secret) };
	uint8_t secret[ACTIVATE_SECRET_LEN], mac[SHA256_LEN];
	struct bytes out = { 0 };
	int r;

	progress("Having the TPM answer");
	if ((r = proof_answer(proof, &challenge, secret)) == 0 &&
	    (r = message_answer((struct slice){ secret, sizeof(secret) },
		 bytes_slice(&c->said), mac)) == 0 &&
	    (r = message_put_answer(&out, mac)) == 0)
		r = say(c, &out);
	explicit_bzero(secret, sizeof(secret));
	bytes_reset(&out);
	return r;
}

static int
converse(struct conversation *c, const struct message_request *request,
    const struct proof *proof, struct ca_reader *reader)
{
	int r;

	if ((r = hear(c, reader)) != 0)
		return r;
	if (is_over(reader))
		return ended(c, reader);
	if ((r = send_request(c, request)) != 0 || (r = hear(c, reader)) != 0)
		return r;
	if (is_over(reader))
		return ended(c, reader);
	if (!reader->lists_alone && (r = send_answer(c, proof, reader)) != 0)
		return r;
	while (reader->state != CA_DONE && !is_over(reader))
		if ((r = hear(c, reader)) != 0)
			return r;
	return is_over(reader) ? ended(c, reader) : 0;
}

/* At a terminal or a desktop, who may be asked something. */
static bool
somebody_is_there(void)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);

	if (tty != -1)
		close(tty);
	return tty != -1 || getenv("SSH_ASKPASS") != NULL ||
	    getenv("DISPLAY") != NULL || getenv("WAYLAND_DISPLAY") != NULL;
}

int
conversation_with(const char *address, const char *key_file,
    const struct message_request *request, const struct proof *proof,
    struct askpass *askpass, struct ca_reader *ret)
{
	struct conversation c = {
		.address = address,
		.askpass = askpass,
		.to = -1,
		.from = -1,
		.lines = { .most = MESSAGE_CA_MAX },
		.deadline = clock_deadline(
		    (somebody_is_there() ? LOGIN_SECONDS
					 : LOGIN_SECONDS_UNASKED) *
		    1000),
	};
	int r;

	*ret = (struct ca_reader){ .wants = request->wants,
		.lists_alone = request->type == 0 };
	if ((r = begin(&c, key_file)) == 0)
		r = converse(&c, request, proof, ret);
	end(&c);
	return r;
}
