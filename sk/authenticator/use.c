/* SPDX-License-Identifier: ISC */
#include <syslog.h>
#include <unistd.h>

#include "authenticator/authdata.h"
#include "authenticator/use.h"
#include "base/error.h"
#include "base/process.h"
#include "ssh/caller.h"
#include "ssh/key-name.h"
#include "user/notify.h"
#include "user/presence.h"

#define AGENT "ssh-agent"

/* The most characters that are shown of a command line, and of a cause. */
#define MOST_OF_COMMAND 64
#define MOST_OF_CAUSE 200

void
use_add_asker(struct text *t)
{
	if (presence_caller_is(AGENT))
		text_add(t, "through " AGENT);
	else
		caller_add_command(t, "for ", MOST_OF_COMMAND);
}

static void
add_key(const struct use *use, struct text *t)
{
	text_add(t, "key ");
	if (use->point == NULL) {
		text_add(t, "unknown");
		return;
	}
	key_name_add_fingerprint(t, use->point, use->application);
	key_name_add_file(t, " ", use->point, use->application);
}

static void
add_outcome(const struct use *use, struct text *t)
{
	if (use->result != 0) {
		text_add(t, ", because ");
		text_add_quoted(t, slice_of_text(log_cause()), MOST_OF_CAUSE);
		return;
	}
	text_add(t, ", presence %s, PIN %s",
	    (use->flags & FIDO_FLAG_UP) != 0 ? "yes" : "no",
	    (use->flags & FIDO_FLAG_UV) == 0 ? "no"
		: use->by_ticket	     ? "earlier"
					     : "yes");
}

static void
add_caller(struct text *t)
{
	char name[PROCESS_NAME_LEN];

	process_caller_name(name);
	text_add(t, ", uid %ld, caller %ld ", (long)geteuid(), (long)getppid());
	text_add_quoted(t, slice_of_text(name), PROCESS_NAME_LEN * 4);
	caller_add_command(t, ", for ", MOST_OF_COMMAND);
}

/* The request comes last: a long one may be cut, and nothing else with it. */
void
use_describe(const struct use *use, struct text *t)
{
	text_add(t, "%s: ", use->result == 0 ? "signed" : "not signed");
	add_key(use, t);
	add_outcome(use, t);
	add_caller(t);
	text_add(t, ": %s", request_describe(use->what)->s);
}

static void
record(const struct use *use)
{
	struct text t = { 0 };

	use_describe(use, &t);
	log_to_syslog(use->result == 0 ? LOG_INFO : LOG_NOTICE, t.s);
}

static void
notify(const struct use *use)
{
	struct text title = { 0 }, words = { 0 };

	text_add(&title, "Signed with the key ");
	key_name_add(&title, use->point, use->application);
	text_add(&words, "%s\n", request_describe(use->what)->s);
	use_add_asker(&words);
	notify_show(title.s, words.s);
}

void
use_tell(const struct config *cfg, const struct use *use)
{
	if (cfg->log_use && use->result != FAIL_PIN_REQUIRED)
		record(use);
	if (cfg->notify && use->result == 0)
		notify(use);
}
