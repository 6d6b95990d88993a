/* SPDX-License-Identifier: ISC */
/* sk-tpm persist */
#include <stdio.h>

#include "attest/guard.h"
#include "authenticator/ask-owner.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "command.h"
#include "key/copy.h"
#include "keyref.h"
#include "tpm/owner.h"
#include "tpm/tpm.h"

struct persisting {
	const char *file;
	struct keyref ref;
	enum copy_state state;
	bool owner_has_password;
	struct owner_password owner;
	bool began; /* to make a copy */
};

/* The file names the copy before there is one. */
static int
write_down(const struct handle *h, void *what)
{
	struct persisting *p = what;
	struct bytes key_handle = { 0 };
	int r;

	if ((r = handle_encode(h, &key_handle)) == 0)
		r = keyref_replace(p->file, &p->ref, &key_handle);
	bytes_reset(&key_handle);
	return r;
}

static int
make_copy(struct tpm *tpm, void *what)
{
	struct persisting *p = what;

	p->began = true;
	return copy_make(tpm, &p->ref.handle, p->owner.auth, write_down, p);
}

/* Where nobody has to be asked for the owner's password, that is all of it. */
static int
look_or_make(struct tpm *tpm, void *what)
{
	struct persisting *p = what;
	int r;

	if ((r = copy_look(tpm, &p->ref.handle, &p->state)) != 0 ||
	    p->state == COPY_THERE)
		return r;
	if ((r = copy_check_room(tpm)) != 0 ||
	    (r = owner_has_password(tpm, &p->owner_has_password)) != 0)
		return r;
	return p->owner_has_password ? 0 : make_copy(tpm, p);
}

static int
look_and_make(const struct config *cfg, struct persisting *p)
{
	int r;

	if ((r = guard_with(cfg, look_or_make, p)) != 0 ||
	    p->state == COPY_THERE || !p->owner_has_password)
		return r;
	if ((r = owner_password_ask(cfg, &p->owner)) == 0)
		r = guard_with(cfg, make_copy, p);
	return r;
}

static int
evict_again(struct tpm *tpm, void *what)
{
	const struct persisting *p = what;

	return copy_evict(tpm, &p->ref.handle, p->owner.auth, NULL);
}

/* After a connection that was lost, in another one. Returns r, with its cause.
 */
static int
undo(const struct config *cfg, struct persisting *p, int r)
{
	struct text cause = { 0 };

	if (!p->began || p->ref.handle.persistent == 0)
		return r;
	text_add(&cause, "%s", log_cause());
	if (guard_with(cfg, evict_again, p) == 0)
		p->ref.handle.persistent = 0;
	return fail(r, "%s", cause.s);
}

/*
 * Whatever fails, the file is left as it was, unless the copy may be there:
 * then the file names it.
 */
static int
make_or_restore(const struct config *cfg, struct persisting *p)
{
	struct bytes before = { 0 };
	int r;

	if ((r = bytes_set(&before, p->ref.key.key_handle.data,
		 p->ref.key.key_handle.len)) != 0)
		return r;
	if ((r = look_and_make(cfg, p)) != 0)
		r = undo(cfg, p, r);
	if (r != 0 && p->ref.handle.persistent == 0 &&
	    !slice_equal(
		bytes_slice(&p->ref.key.key_handle), bytes_slice(&before)) &&
	    keyref_replace(p->file, &p->ref, &before) != 0)
		log_info("%s names a persistent copy that there is not; it "
			 "signs all the same",
		    p->file);
	bytes_reset(&before);
	return r;
}

int
command_persist(struct invocation *inv)
{
	struct persisting p = { .file = inv->argv[0] };
	const struct config *cfg = &inv->cfg;
	int r;

	if ((r = keyref_by_name(p.file, &p.ref)) != 0 ||
	    (r = keyref_check_is_file(&p.ref)) != 0 ||
	    (r = make_or_restore(cfg, &p)) != 0)
		goto out;
	if (p.state == COPY_THERE)
		printf("The key is persistent already, at 0x%08x.\n",
		    p.ref.handle.persistent);
	else
		printf("Made the key persistent at 0x%08x. Its file goes on "
		       "signing without that, too.\n",
		    p.ref.handle.persistent);
out:
	owner_password_reset(&p.owner);
	keyref_reset(&p.ref);
	return r;
}
