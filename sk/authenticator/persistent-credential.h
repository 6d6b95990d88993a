/* SPDX-License-Identifier: ISC */
/*
 * Keys with a persistent copy in the TPM: what comes before and after the
 * making of one. All of it does nothing for a key that is to have none.
 */
#ifndef SKTPM_PERSISTENT_CREDENTIAL_H
#define SKTPM_PERSISTENT_CREDENTIAL_H

#include "authenticator/ask-owner.h"
#include "authenticator/credential-request.h"
#include "key/handle.h"
#include "tpm/tpm.h"

/*
 * Before a person is asked, or the key is made: whether a slot is free. 0,
 * FAIL_NV_FULL or what tpm_fail gives.
 */
int persistent_credential_look(
    struct tpm *tpm, const struct credential_request *req) MUST_CHECK;

/*
 * After it was made: makes the copy, and gives *h and *key_handle its place and
 * authValue. 0 or any FAIL_. If *h names a copy then, there may be one: it is
 * to be evicted by persistent_credential_undo, in another connection.
 */
int persistent_credential_keep(struct tpm *tpm,
    const struct credential_request *req, struct handle *h,
    const struct owner_password *owner, struct bytes *key_handle) MUST_CHECK;

/* Evicts the copy again, if there is one. As copy_evict. */
int persistent_credential_undo(struct tpm *tpm, const struct handle *h,
    const struct owner_password *owner) MUST_CHECK;

#endif
