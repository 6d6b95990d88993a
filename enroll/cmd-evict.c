/* SPDX-License-Identifier: ISC */
/* sk-tpm evict */
#include <stdio.h>

#include "attest/guard.h"
#include "authenticator/ask-owner.h"
#include "command.h"
#include "key/copy.h"
#include "keyref.h"
#include "tpm/owner.h"
#include "tpm/tpm.h"

struct eviction {
	struct keyref ref;
	unsigned int copies;
	bool owner_has_password;
	struct owner_password owner;
};

static int
look_before(struct tpm *tpm, void *what)
{
	struct eviction *e = what;
	struct persistent_keys keys = { 0 };
	int r;

	if ((r = copy_list(tpm, &keys)) != 0)
		return r;
	e->copies = 0;
	for (size_t i = 0; i < keys.n; i++)
		e->copies += copy_is_of(&keys.keys[i], &e->ref.handle);
	persistent_keys_reset(&keys);
	return owner_has_password(tpm, &e->owner_has_password);
}

static int
evict(struct tpm *tpm, void *what)
{
	const struct eviction *e = what;

	return copy_evict(tpm, &e->ref.handle, e->owner.auth);
}

/* Comes last: a file that names a copy that is gone signs all the same. */
static int
forget_copy(const char *file, struct keyref *ref)
{
	struct bytes key_handle = { 0 };
	int r;

	if (ref->handle.persistent == 0)
		return 0;
	ref->handle.persistent = 0;
	bytes_reset(&ref->handle.persistent_auth);
	if ((r = handle_encode(&ref->handle, &key_handle)) == 0)
		r = keyref_replace(file, ref, &key_handle);
	bytes_reset(&key_handle);
	return r;
}

int
command_evict(struct invocation *inv)
{
	const struct config *cfg = &inv->cfg;
	struct eviction e = { 0 };
	int r;

	if ((r = keyref_by_name(inv->argv[0], &e.ref)) != 0 ||
	    (r = keyref_check_is_file(&e.ref)) != 0 ||
	    (r = guard_with(cfg, look_before, &e)) != 0 ||
	    (e.copies > 0 && e.owner_has_password &&
		(r = owner_password_ask(cfg, &e.owner)) != 0) ||
	    (e.copies > 0 && (r = guard_with(cfg, evict, &e)) != 0) ||
	    (r = forget_copy(inv->argv[0], &e.ref)) != 0)
		goto out;
	if (e.copies == 0)
		printf("The key has no persistent copy.\n");
	else
		printf("Evicted the key's persistent cop%s. Its file goes on "
		       "signing.\n",
		    e.copies == 1 ? "y" : "ies");
out:
	owner_password_reset(&e.owner);
	keyref_reset(&e.ref);
	return r;
}
