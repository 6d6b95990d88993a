/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "authenticator/ask-owner.h"
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

void
owner_password_reset(struct owner_password *password)
{
	bytes_reset(&password->secret);
	password->auth = (struct slice){ 0 };
}
