/* SPDX-License-Identifier: ISC */
/* sk-tpm test */
#include "answer.h"
#include "authenticator/credential.h"
#include "base/clock.h"
#include "command.h"
#include "keyref.h"
#include "tpm/tpm.h"
#include "user/presence.h"

static int
take_pin(
    const struct invocation *inv, const struct keyref *ref, struct bytes *ret)
{
	int r;

	if (ref->handle.auth != HANDLE_AUTH_PIN)
		return 0;
	if ((r = credential_check_tries(&inv->cfg)) != 0)
		return r;
	return presence_ask_secret(&inv->cfg, "Enter the key's PIN: ", ret);
}

int
command_test(struct invocation *inv)
{
	struct json_object *o = answer_new();
	struct bytes pin = { 0 };
	struct keyref ref = { 0 };
	struct tpm_totals totals;
	uint64_t start;
	int r;

	if ((r = keyref_open_either(&inv->cfg, inv->argv[0], &ref)) != 0 ||
	    (r = take_pin(inv, &ref, &pin)) != 0)
		goto out;
	tpm_totals_reset();
	start = clock_us();
	if ((r = credential_test(&inv->cfg, bytes_slice(&ref.key.key_handle),
		 (const char *)pin.data)) != 0)
		goto out;
	totals = tpm_totals();
	answer_bool(o, "signature_verified", true);
	answer_real(o, "total_ms", (double)(clock_us() - start) / 1000);
	answer_real(o, "tpm_ms", (double)totals.busy_us / 1000);
	answer_number(o, "tpm_commands", totals.commands);
	answer_print(o, wants_json(inv));
	o = NULL;
out:
	json_object_put(o);
	bytes_reset(&pin);
	keyref_reset(&ref);
	return r;
}
