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
count_copies(struct tpm *tpm, struct eviction *e)
{
	struct persistent_keys keys = { 0 };
	int r;

	if ((r = copy_list(tpm, &keys)) != 0)
		return r;
	e->copies = 0;
	for (size_t i = 0; i < keys.n; i++)
		e->copies += copy_is_of(&keys.keys[i], e->h);
	persistent_keys_reset(&keys);
	return 0;
}

static int
look(struct tpm *tpm, void *what)
{
	struct eviction *e = what;
	int r;

	if (e->h != NULL && (r = count_copies(tpm, e)) != 0)
		return r;
	return owner_has_password(tpm, &e->owner_has_password);
}

static int
evict(struct tpm *tpm, void *what)
{
	const struct eviction *e = what;

	if (e->h == NULL)
		return copy_evict_at(tpm, e->handle, e->owner.auth);
	return copy_evict(tpm, e->h, e->owner.auth);
}

static int
look_and_evict(const struct config *cfg, struct eviction *e)
{
	int r;

	if ((r = guard_with(cfg, look, e)) != 0 || e->copies == 0)
		return r;
	if (!e->owner_has_password ||
	    (r = owner_password_ask(cfg, &e->owner)) == 0)
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
