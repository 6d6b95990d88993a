/* SPDX-License-Identifier: ISC */
/*
 * Keys that the TPM keeps itself: what comes before and after the making of
 * one, and all of them given back.
 */
#ifndef SKTPM_RESIDENT_CREDENTIAL_H
#define SKTPM_RESIDENT_CREDENTIAL_H

#include "authenticator/ask-owner.h"
#include "authenticator/credential-request.h"
#include "base/p256.h"
#include "config.h"

/*
 * Before a key is made: whether one of that name is there already, and the
 * owner's password if it will be needed; the caller ends *ret_owner with
 * owner_password_reset. Does nothing for a key that is not to be resident. 0;
 * FAIL_EXISTS; FAIL_PIN_REQUIRED, for the password in the PIN's place; any
 * other FAIL_.
 */
int resident_credential_prepare(const struct config *cfg,
    const struct credential_request *req,
    struct owner_password *ret_owner) MUST_CHECK;

/* After it was made: keeps it. Does nothing for a key that is not resident. */
int resident_credential_keep(const struct config *cfg,
    const struct credential_request *req, struct slice key_handle,
    const struct owner_password *owner) MUST_CHECK;

/* A resident key as the TPM gives it back. */
struct resident_credential {
	struct ec_point point;
	struct bytes key_handle;
	char *application;
	struct bytes user;
	unsigned int flags; /* CREDENTIAL_PRESENCE, CREDENTIAL_VERIFICATION */
};

struct resident_credentials {
	struct resident_credential *creds;
	size_t n;
};

/*
 * All resident keys that can be read; of others a line says why. The caller
 * ends *ret with resident_credentials_reset. 0 or any FAIL_.
 */
int resident_credentials_list(
    const struct config *cfg, struct resident_credentials *ret) MUST_CHECK;

void resident_credentials_reset(struct resident_credentials *list);

#endif
