/* SPDX-License-Identifier: ISC */
#include "authenticator/persistent-credential.h"
#include "base/log.h"
#include "key/copy.h"

static bool
is_wanted(const struct credential_request *req)
{
	return (req->flags & CREDENTIAL_PERSISTENT) != 0;
}

int
persistent_credential_look(
    struct tpm *tpm, const struct credential_request *req)
{
	return is_wanted(req) ? copy_check_room(tpm) : 0;
}

int
persistent_credential_keep(struct tpm *tpm,
    const struct credential_request *req, struct handle *h,
    const struct owner_password *owner, struct bytes *key_handle)
{
	struct bytes encoded = { 0 };
	int r;

	if (!is_wanted(req))
		return 0;
	if ((r = copy_make(tpm, h, owner->auth, NULL, NULL)) != 0)
		return r;
	if ((r = handle_encode(h, &encoded)) == 0)
		bytes_move(&encoded, key_handle);
	return r;
}

int
persistent_credential_undo(
    struct tpm *tpm, const struct handle *h, const struct owner_password *owner)
{
	return copy_evict(tpm, h, owner->auth, NULL);
}
