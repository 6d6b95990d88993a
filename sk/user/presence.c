/* SPDX-License-Identifier: ISC */
#include <sys/wait.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "user/display.h"
#include "user/fingerprint.h"
#include "user/pin.h"
#include "user/presence.h"
#include "user/terminal.h"

_Static_assert(TERMINAL_SECRET_MAX >= PIN_MAX_LEN, "the terminal cuts PINs");

/* --- the question in words ---------------------------------------------- */

#define DETAILS_LEN (2 * TEXT_LEN + 20)
#define QUESTION_LEN (DETAILS_LEN + TEXT_LEN + 20)

/* With which key, and who wants it. */
static const char *
write_details(const struct presence_question *q, char ret[DETAILS_LEN])
{
	snprintf(ret, DETAILS_LEN, "%s%s%s%s",
	    q->key.len > 0 ? ", with the key " : "", q->key.s,
	    q->asker.len > 0 ? ", " : "", q->asker.s);
	return ret;
}

/* Two lines, or one where there are no details. */
static const char *
write_question(const struct presence_question *q, char ret[QUESTION_LEN])
{
	char details[DETAILS_LEN];

	write_details(q, details);
	snprintf(ret, QUESTION_LEN, "sk-tpm%s:%s%s?", details,
	    details[0] != '\0' ? "\n" : " ", q->words.s);
	return ret;
}

static int
ask_terminal(const struct config *cfg, const struct presence_question *q)
{
	char question[QUESTION_LEN];

	return terminal_confirm(
	    write_question(q, question), cfg->presence_timeout);
}

static int
ask_finger(const struct config *cfg, const struct presence_question *q)
{
	char details[DETAILS_LEN], question[TEXT_LEN + DETAILS_LEN];

	snprintf(question, sizeof(question), "%s%s", q->words.s,
	    write_details(q, details));
	return fingerprint_verify(question, cfg->presence_timeout);
}

/* --- askpass, by OpenSSH's conventions: ssh(1), ENVIRONMENT ------------- */

static const char *const default_askpass[] = {
	"/usr/bin/ssh-askpass",			  /* Debian */
	"/usr/libexec/openssh/ssh-askpass",	  /* Fedora */
	"/usr/libexec/openssh/gnome-ssh-askpass", /* Fedora */
	"/usr/lib/ssh/ssh-askpass",		  /* Arch, SUSE, Alpine */
};

const char *
presence_find_askpass(void)
{
	const char *path = secure_getenv("SSH_ASKPASS");

	if (path != NULL && path[0] != '\0')
		return path;
	for (size_t i = 0;
	     i < sizeof(default_askpass) / sizeof(default_askpass[0]); i++)
		if (access(default_askpass[i], X_OK) == 0)
			return default_askpass[i];
	return NULL;
}

/*
 * The askpass to ask by, or NULL. SSH_ASKPASS_REQUIRE: force does without a
 * display, never does not ask.
 */
static const char *
find_wanted_askpass(void)
{
	const char *require = secure_getenv("SSH_ASKPASS_REQUIRE");

	if (require != NULL && strcasecmp(require, "force") == 0)
		return presence_find_askpass();
	if (require != NULL && strcasecmp(require, "never") == 0)
		return NULL;
	return display_is_there() ? presence_find_askpass() : NULL;
}

static bool
is_success(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/*
 * 0 or 1 is an answer. ksshaskpass ends by SIGABRT where it cannot show its
 * window, and shells have statuses of their own for what they cannot run.
 */
static int
check_askpass_ran(const char *path, int status)
{
	if (WIFSIGNALED(status))
		return fail(FAIL_PRESENCE, "%s was ended by signal %d", path,
		    WTERMSIG(status));
	if (WEXITSTATUS(status) > 1)
		return fail(FAIL_PRESENCE, "%s failed with exit status %d",
		    path, WEXITSTATUS(status));
	return 0;
}

/* As ssh-agent has it: nothing, or yes, on stdout is consent. */
static int
run_askpass(const struct config *cfg, const char *path, const char *question,
    bool *ret_consent)
{
	const struct child child = {
		.path = path,
		.argument = question,
		.env = { "SSH_ASKPASS_PROMPT=confirm" },
	};
	char answer[64];
	int status, r;
	size_t len;

	if ((r = child_run(&child, cfg->presence_timeout, &status, answer,
		 sizeof(answer), &len)) != 0 ||
	    (r = check_askpass_ran(path, status)) != 0)
		return r;
	/* What is before it may be nothing, which would be consent. */
	if (memchr(answer, '\0', len) != NULL)
		return fail(FAIL_REFUSED,
		    "%s gave a NUL byte, which no answer has in it", path);
	answer[strcspn(answer, "\r\n")] = '\0';
	*ret_consent = is_success(status) &&
	    (answer[0] == '\0' || strcasecmp(answer, "yes") == 0);
	return 0;
}

/*
 * The window takes the keyboard, and a key presses its button for yes. Who is
 * typing into another window answers without having seen it. An answer that
 * comes sooner than this is asked for again.
 */
#define HASTE_MS 500

static int
ask_askpass(const struct config *cfg, const char *path,
    const struct presence_question *q)
{
	static const char again[] = "Once more, as the answer came too fast to "
				    "have been read.\n";
	const uint64_t unread = clock_deadline(HASTE_MS);
	char question[sizeof(again) + QUESTION_LEN];
	bool consent;
	int r;

	strcpy(question, again);
	write_question(q, question + strlen(again));
	r = run_askpass(cfg, path, question + strlen(again), &consent);
	if (r == 0 && clock_ms_left(unread) > 0)
		r = run_askpass(cfg, path, question, &consent);
	if (r == 0 && !consent)
		r = fail(FAIL_REFUSED, "refused in %s", path);
	return r;
}

/* --- other ways -------------------------------------------------------- */

static int
ask_command(const struct config *cfg, const char *question)
{
	struct text env = { 0 };
	const struct child child = {
		.path = cfg->presence_command,
		.argument = question,
		.env = { env.s },
	};
	char ignored[64];
	int status, r;
	size_t len;

	text_add(&env, "SK_TPM_REQUEST=%s", question);
	if ((r = child_run(&child, cfg->presence_timeout, &status, ignored,
		 sizeof(ignored), &len)) != 0)
		return r;
	if (!is_success(status))
		return fail(
		    FAIL_REFUSED, "refused by %s", cfg->presence_command);
	return 0;
}

bool
presence_caller_is(const char *name)
{
	char caller[PROCESS_NAME_LEN];

	process_caller_name(caller);
	return strcmp(caller, name) == 0;
}

/*
 * A /proc with hidepid= does not show a person those of their own processes
 * that nobody may trace. Of our callers, that is ssh-agent.
 */
static bool
caller_hides(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)getppid());
	return access("/proc/self/comm", R_OK) == 0 && access(path, R_OK) != 0;
}

/*
 * ssh-agent always calls without the PIN first. An agent of another name is
 * taken for any other program, and so is every agent without a /proc: its
 * person is asked when the PIN is there.
 */
static bool
caller_is_agent(void)
{
	return presence_caller_is("ssh-agent") || caller_hides();
}

static int
ask_auto(const struct config *cfg, const struct presence_question *question)
{
	const char *askpass;
	int r = FAIL_PRESENCE;

	if (question->pin_entered)
		return 0;
	if ((askpass = find_wanted_askpass()) != NULL &&
	    (r = ask_askpass(cfg, askpass, question)) != FAIL_PRESENCE)
		return r;
	if (terminal_is_there())
		return ask_terminal(cfg, question);
	if (askpass != NULL)
		return r;
	return fail(FAIL_PRESENCE,
	    "this key needs a person, and there is neither a terminal nor a "
	    "display to ask on%s",
	    display_is_named() && !display_is_there()
		? " (the one that DISPLAY or WAYLAND_DISPLAY names does not "
		  "answer, or another user's program does)"
		: "");
}

int
presence_require(
    const struct config *cfg, const struct presence_question *question)
{
	const char *askpass;

	switch (cfg->user_presence) {
	case USER_PRESENCE_AUTO:
		return ask_auto(cfg, question);
	case USER_PRESENCE_ASKPASS:
		if ((askpass = presence_find_askpass()) == NULL)
			return fail(FAIL_PRESENCE,
			    "UserPresence is askpass, and none is installed or "
			    "named by SSH_ASKPASS");
		return ask_askpass(cfg, askpass, question);
	case USER_PRESENCE_TERMINAL:
		return ask_terminal(cfg, question);
	case USER_PRESENCE_FPRINTD:
		return ask_finger(cfg, question);
	case USER_PRESENCE_COMMAND:
		return ask_command(cfg, question->words.s);
	case USER_PRESENCE_ASSUME:
		return 0;
	}
	return fail(FAIL_INTERNAL, "no such way to have presence");
}

bool
presence_asks(const struct config *cfg, bool pin_entered)
{
	return cfg->user_presence != USER_PRESENCE_ASSUME &&
	    !(cfg->user_presence == USER_PRESENCE_AUTO && pin_entered);
}

int
presence_before_pin(
    const struct config *cfg, const struct presence_question *question)
{
	int r;

	if (cfg->user_presence == USER_PRESENCE_ASSUME || !caller_is_agent())
		return 0;
	if ((r = ask_auto(cfg, question)) == FAIL_PRESENCE)
		return fail(FAIL_SECRET,
		    "this key needs its PIN, and the agent has no display to "
		    "ask for it on");
	return r;
}

bool
presence_request_is_known(void)
{
	return caller_is_agent() || terminal_is_there() ||
	    find_wanted_askpass() == NULL;
}

/*
 * An agent of another name, or without a /proc, passes on strangers' requests
 * all the same. So it is not who is known for an agent that is left out, but
 * who is known for none that is let in.
 */
bool
presence_is_at_terminal(void)
{
	return terminal_is_there() &&
	    (presence_caller_is("ssh") || presence_caller_is("ssh-keygen"));
}

int
presence_with_pin(
    const struct config *cfg, const struct presence_question *question)
{
	int r;

	if (cfg->user_presence == USER_PRESENCE_ASSUME ||
	    presence_request_is_known())
		return 0;
	r = ask_auto(cfg, question);
	return r == FAIL_PRESENCE ? 0 : r;
}

/* OpenSSH's convention for a note that needs no answer: prompt "none". */
void
presence_tell(const struct config *cfg, const char *words)
{
	struct child child = { .env = { "SSH_ASKPASS_PROMPT=none" } };
	struct text note = { 0 };
	char ignored[64];
	size_t len;
	int status;

	if (presence_is_at_terminal() ||
	    (child.path = find_wanted_askpass()) == NULL)
		return;
	text_add(&note, "sk-tpm: %s.", words);
	child.argument = note.s;
	if (child_run(&child, cfg->presence_timeout, &status, ignored,
		sizeof(ignored), &len) != 0)
		log_debug("the note was not closed in time");
}

static int
ask_secret_by_askpass(const struct config *cfg, const char *path,
    const char *prompt, struct bytes *ret)
{
	const struct child child = { .path = path, .argument = prompt };
	char answer[PIN_MAX_LEN + 2];
	int status, r;
	size_t len;

	if ((r = child_run(&child, cfg->presence_timeout, &status, answer,
		 sizeof(answer), &len)) != 0)
		return r;
	if ((r = check_askpass_ran(path, status)) != 0)
		;
	else if (!is_success(status))
		r = fail(FAIL_REFUSED, "refused in %s", path);
	else if (memchr(answer, '\0', len) != NULL)
		r = fail(FAIL_REFUSED,
		    "%s gave a NUL byte, which a PIN or password cannot have",
		    path);
	else {
		len = strcspn(answer, "\r\n");
		answer[len] = '\0';
		r = bytes_set(ret, answer, len + 1);
	}
	explicit_bzero(answer, sizeof(answer));
	return r;
}

int
presence_ask_secret(
    const struct config *cfg, const char *prompt, struct bytes *ret)
{
	const char *askpass;
	int r = FAIL_PRESENCE;

	if ((askpass = find_wanted_askpass()) != NULL)
		r = ask_secret_by_askpass(cfg, askpass, prompt, ret);
	if (r == FAIL_PRESENCE && (askpass == NULL || terminal_is_there()))
		r = terminal_read_secret(prompt, cfg->presence_timeout, ret);
	/* The remedy of FAIL_PRESENCE names UserPresence: of no help here. */
	if (r == FAIL_PRESENCE)
		return fail(FAIL_SECRET, "%s", log_cause());
	return r;
}

int
presence_confirm_pin(const struct config *cfg, const char *pin)
{
	struct bytes again = { 0 };
	int r;

	if (!terminal_is_there())
		return 0;
	if ((r = terminal_read_secret("Enter the same PIN again: ",
		 cfg->presence_timeout, &again)) != 0)
		return r;
	if (again.len != strlen(pin) + 1 ||
	    memcmp(again.data, pin, again.len) != 0)
		r = fail(FAIL_PIN_REQUIRED, "the two PINs differ");
	bytes_reset(&again);
	return r;
}
