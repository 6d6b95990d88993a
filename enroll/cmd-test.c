/* SPDX-License-Identifier: ISC */
/* sk-tpm test */
#include "answer.h"
#include "attest/guard.h"
#include "authenticator/credential.h"
#include "base/clock.h"
#include "command.h"
#include "keyref.h"
#include "tpm/tpm.h"
#include "user/presence.h"

struct key_test {
	const struct config *cfg;
	struct keyref ref;
};

static int
look_before_test(struct tpm *tpm, void *what)
{
	struct key_test *t = what;
	int r;

	if ((r = keyref_fetch(tpm, &t->ref)) != 0)
		return r;
	return credential_check_ready(tpm, t->cfg, &t->ref.handle);
}

int
command_test(struct invocation *inv)
{
	struct json_object *o = answer_new();
	struct bytes pin = { 0 };
	struct key_test t = { .cfg = &inv->cfg };
	struct tpm_totals totals;
	uint64_t start;
	int r;

	if ((r = keyref_by_either_name(inv->argv[0], &t.ref)) != 0 ||
	    ((t.ref.resident || t.ref.handle.auth != HANDLE_AUTH_NONE) &&
		(r = guard_with(&inv->cfg, look_before_test, &t)) != 0) ||
	    (t.ref.handle.auth != HANDLE_AUTH_NONE &&
		(r = presence_ask_secret(
		     &inv->cfg, "Enter the key's PIN: ", &pin)) != 0))
		goto out;
	tpm_totals_reset();
	start = clock_us();
	if ((r = credential_test(&inv->cfg, bytes_slice(&t.ref.key.key_handle),
		 (const char *)pin.data)) != 0)
		goto out;
	totals = tpm_totals();
	answer_bool(o, "signature_verified", true);
	answer_real(o, "total_ms", (double)(clock_us() - start) / 1000);
	answer_real(o, "tpm_ms", (double)totals.busy_us / 1000);
	answer_number(o, "tpm_commands", totals.commands);
	answer_print(o, wanted_form(inv));
	o = NULL;
out:
	json_object_put(o);
	bytes_reset(&pin);
	keyref_reset(&t.ref);
	return r;
}
