/* SPDX-License-Identifier: ISC */
/*
 * The TPM owner's password, asked for or given in the place of a PIN, and the
 * endorsement hierarchy's.
 */
#ifndef SKTPM_ASK_OWNER_H
#define SKTPM_ASK_OWNER_H

#include "authenticator/credential-request.h"
#include "config.h"

struct owner_password {
	struct bytes secret; /* terminated, or empty */
	struct slice auth;   /* the same without its terminator */
};

/*
 * Asks a person for it. Call it without a connection: an open one may keep
 * others off the TPM, and holds back the interrupt key. The caller ends *ret
 * with owner_password_reset. 0 or what presence_ask_secret gives.
 */
int owner_password_ask(
    const struct config *cfg, struct owner_password *ret) MUST_CHECK;

/* The same for the endorsement hierarchy's password. */
int endorsement_password_ask(
    const struct config *cfg, struct owner_password *ret) MUST_CHECK;

/* The same for one that is known already. 0 or FAIL_MEMORY. */
int owner_password_set(
    const char *password, struct owner_password *ret) MUST_CHECK;

/*
 * For a new key of which the TPM keeps something: `pin` of the request is the
 * password where the key gets no PIN, else the person is asked. 0;
 * FAIL_PIN_REQUIRED where neither can be; what presence_ask_secret gives.
 */
int owner_password_for_key(const struct config *cfg,
    const struct credential_request *req,
    struct owner_password *ret) MUST_CHECK;

void owner_password_reset(struct owner_password *password);

#endif
