/* SPDX-License-Identifier: ISC */
#include "attest/guard.h"
#include "authenticator/ask-owner.h"
#include "evicting.h"
#include "key/copy.h"
#include "tpm/owner.h"
#include "tpm/tpm.h"

struct eviction {
	const struct handle *h; /* of the key; NULL: goes by `handle` */
	uint32_t handle;
	unsigned int copies;
	bool owner_has_password;
	struct owner_password owner;
};

static int
evict(struct tpm *tpm, void *what)
{
	struct eviction *e = what;

	if (e->h == NULL)
		return copy_evict_at(tpm, e->handle, e->owner.auth);
	return copy_evict(tpm, e->h, e->owner.auth, &e->copies);
}

/* Where nobody has to be asked for the owner's password, that is all of it. */
static int
look_or_evict(struct tpm *tpm, void *what)
{
	struct eviction *e = what;
	int r;

	if ((r = owner_has_password(tpm, &e->owner_has_password)) != 0)
		return r;
	if (!e->owner_has_password)
		return evict(tpm, e);
	return e->h != NULL ? copy_count(tpm, e->h, &e->copies) : 0;
}

static int
look_and_evict(const struct config *cfg, struct eviction *e)
{
	int r;

	if ((r = guard_with(cfg, look_or_evict, e)) != 0 ||
	    !e->owner_has_password || e->copies == 0)
		return r;
	if ((r = owner_password_ask(cfg, &e->owner)) == 0)
		r = guard_with(cfg, evict, e);
	owner_password_reset(&e->owner);
	return r;
}

int
evict_copies(
    const struct config *cfg, const struct handle *h, unsigned int *ret_n)
{
	struct eviction e = { .h = h };
	int r;

	if ((r = look_and_evict(cfg, &e)) == 0)
		*ret_n = e.copies;
	return r;
}

int
evict_at(const struct config *cfg, uint32_t handle)
{
	struct eviction e = { .handle = handle, .copies = 1 };

	return look_and_evict(cfg, &e);
}
