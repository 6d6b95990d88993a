/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "authenticator/ask-owner.h"
#include "base/error.h"
#include "base/log.h"
#include "user/pin.h"
#include "user/presence.h"

static int
ask(const struct config *cfg, const char *prompt, struct owner_password *ret)
{
	struct bytes secret = { 0 };
	int r;

	if ((r = presence_ask_secret(cfg, prompt, &secret)) != 0)
		return r;
	*ret = (struct owner_password){
		.secret = secret,
		.auth = { secret.data, secret.len - 1 },
	};
	return 0;
}

int
owner_password_ask(const struct config *cfg, struct owner_password *ret)
{
	return ask(cfg, "Enter the TPM's owner password: ", ret);
}

int
endorsement_password_ask(const struct config *cfg, struct owner_password *ret)
{
	return ask(cfg, "Enter the TPM's endorsement password: ", ret);
}

int
owner_password_set(const char *password, struct owner_password *ret)
{
	struct bytes secret = { 0 };
	int r;

	if ((r = bytes_set(&secret, password, strlen(password) + 1)) != 0)
		return r;
	*ret = (struct owner_password){
		.secret = secret,
		.auth = { secret.data, secret.len - 1 },
	};
	return 0;
}

int
owner_password_for_key(const struct config *cfg,
    const struct credential_request *req, struct owner_password *ret)
{
	const bool gets_pin = (req->flags & CREDENTIAL_VERIFICATION) != 0;
	int r;

	if (!gets_pin && pin_is_given(req->pin))
		return owner_password_set(req->pin, ret);
	r = owner_password_ask(cfg, ret);
	if (r == FAIL_SECRET && !gets_pin)
		return fail(FAIL_PIN_REQUIRED,
		    "a resident or persistent key needs the TPM's owner "
		    "password; enter it as the PIN");
	return r;
}

void
owner_password_reset(struct owner_password *password)
{
	bytes_reset(&password->secret);
	password->auth = (struct slice){ 0 };
}
