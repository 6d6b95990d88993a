/* SPDX-License-Identifier: ISC */
/* sk-tpm forget: needs no TPM, as it is run when a machine falls asleep. */
#include <stdio.h>

#include "authenticator/pin-lifetime.h"
#include "base/error.h"
#include "base/log.h"
#include "command.h"
#include "keyref.h"

static int
forget_one(const char *name)
{
	struct keyref ref = { 0 };
	int r;

	if ((r = keyref_by_either_name(name, &ref)) != 0)
		return r;
	if (ref.resident)
		r = fail(FAIL_ARGUMENT,
		    "forget takes a key file, or no argument for all keys");
	else
		r = pin_lifetime_forget(&ref.handle);
	keyref_reset(&ref);
	return r;
}

int
command_forget(struct invocation *inv)
{
	unsigned int n;
	int r;

	if (inv->argc > 0)
		return forget_one(inv->argv[0]);
	if ((r = pin_ticket_forget_all(&n)) != 0)
		return r;
	printf("PINs that have to be entered again: %u\n", n);
	return 0;
}
