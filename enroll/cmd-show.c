/* SPDX-License-Identifier: ISC */
/* sk-tpm show */
#include <time.h>

#include "answer.h"
#include "authenticator/pin-lifetime.h"
#include "base/error.h"
#include "base/log.h"
#include "command.h"
#include "keyref.h"

/* By our clock: the TPM, which decides, can only be asked with the ticket. */
static void
answer_ticket(
    struct json_object *o, const struct config *cfg, const struct handle *h)
{
	struct pin_ticket ticket = { 0 };
	char until[64] = "it was not entered";
	time_t end;
	struct tm tm;

	if (h->auth != HANDLE_AUTH_PIN_OBJECT)
		return;
	if (pin_lifetime_find(cfg, h, &ticket)) {
		uint32_t most = pin_lifetime_of(cfg, h);

		end = time(NULL) + (time_t)(ticket.made - pin_ticket_now()) +
		    (time_t)(ticket.seconds < most ? ticket.seconds : most);
		if (localtime_r(&end, &tm) != NULL)
			strftime(until, sizeof(until), "%F %T", &tm);
	}
	pin_ticket_reset(&ticket);
	answer_text(o, "pin_counts_until", until);
}

int
command_show(struct invocation *inv)
{
	struct json_object *o = answer_new();
	struct keyref ref = { 0 };
	struct bytes line = { 0 };
	int r, loads;

	if ((r = keyref_load(&inv->cfg, inv->argv[0], &ref, &loads)) != 0 ||
	    (r = answer_key(o, &ref)) != 0 ||
	    (r = keyfile_public_line(&ref.key, &line)) != 0)
		goto out;
	answer_ticket(o, &inv->cfg, &ref.handle);
	/* What loads was asked for its boot state as well. */
	if (ref.handle.pcrs != 0 && (loads == 0 || loads == FAIL_BOOT_STATE))
		answer_bool(o, "boot_state_holds", loads == 0);
	if (ref.handle.persistent != 0) {
		answer_copy(o, ref.handle.persistent);
		answer_bool(o, "persistent_there", ref.copy == COPY_THERE);
	}
	answer_bool(o, "works_here", loads == 0);
	if (loads != 0)
		answer_text(o, "why_not", log_cause());
	/* Without a comment it would end in a space. */
	if (ref.key.comment[0] == '\0')
		line.len--;
	answer_object(o, "public_key",
	    json_object_new_string_len((const char *)line.data, (int)line.len));
	answer_print(o, wanted_form(inv));
	o = NULL;
out:
	json_object_put(o);
	bytes_reset(&line);
	keyref_reset(&ref);
	return r;
}
