/* SPDX-License-Identifier: ISC */
/*
 * The part of credential that keeps keys in the TPM: what comes before and
 * after the making of one. credential_list is declared in credential.h.
 */
#ifndef SKTPM_CREDENTIAL_RESIDENT_H
#define SKTPM_CREDENTIAL_RESIDENT_H

#include "authenticator/credential.h"

/*
 * Before a key is made: whether one of that name is there already, and the
 * owner's password if it will be needed, terminated; the caller ends
 * *ret_owner_password with bytes_reset. Does nothing for other requests.
 * 0; FAIL_EXISTS; FAIL_PIN_REQUIRED, for the password in the PIN's place; any
 * other FAIL_.
 */
int resident_prepare(const struct config *cfg,
    const struct credential_request *req,
    struct bytes *ret_owner_password) MUST_CHECK;

/* After it was made: keeps it. Does nothing for other requests. */
int resident_keep(const struct config *cfg,
    const struct credential_request *req, struct slice key_handle,
    const struct bytes *owner_password) MUST_CHECK;

#endif
