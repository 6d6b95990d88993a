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
#include "key/resident.h"

/*
 * These do nothing for a key that is not to be resident.
 *
 * Before a person is asked: whether there is a key of that name already. 0,
 * FAIL_EXISTS or any other FAIL_.
 */
int resident_credential_look(
    struct tpm *tpm, const struct credential_request *req) MUST_CHECK;

/*
 * Before a key is made, in the connection that makes it: all resident keys that
 * are there. If nobody has looked before, it also finds out what
 * resident_credential_look does. The caller ends *ret with
 * resident_listing_reset. 0, FAIL_EXISTS or any other FAIL_.
 */
int resident_credential_begin(struct tpm *tpm,
    const struct credential_request *req, bool looked,
    struct resident_listing *ret) MUST_CHECK;

/* After it was made: keeps it. 0 or any FAIL_. */
int resident_credential_keep(struct tpm *tpm,
    const struct credential_request *req, struct resident_listing *listing,
    struct slice key_handle, const struct owner_password *owner) MUST_CHECK;

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
