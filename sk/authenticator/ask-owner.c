/* SPDX-License-Identifier: ISC */
#include "key/resident.h"
#include "authenticator/ask-owner.h"
#include "tpm/owner.h"
#include "user/presence.h"

int
owner_ask(const struct config *cfg, struct owner_password *ret)
{
	struct owner_password password = { 0 };
	struct tpm *tpm = NULL;
	bool needed = false;
	int r;

	if ((r = tpm_open(cfg->tcti, &tpm)) != 0)
		return r;
	r = owner_has_password(tpm, &needed);
	tpm_close(tpm);
	if (r != 0 || !needed)
		return r;
	if ((r = presence_ask_secret(cfg,
		 "Enter the TPM's owner password: ", &password.secret)) != 0)
		return r;
	password.auth = bytes_slice(&password.secret);
	password.auth.len--;
	*ret = password;
	return 0;
}

void
owner_reset(struct owner_password *password)
{
	bytes_reset(&password->secret);
	password->auth = (struct slice){ 0 };
}
