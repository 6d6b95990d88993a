/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "attest/ek.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "setup-ek.h"
#include "tpm/owner.h"

struct ek_setup {
	const char *wanted; /* its id, from EndorsementKey; NULL: any */
	/* What is there. */
	struct ek_choice choice;
	struct ek_hierarchy hierarchy;
	bool owner_has_password;
	/* What is done. */
	struct slice owner, endorsement;
	uint64_t took_us; /* its creation */
	/* The EK, however far that got. */
	uint32_t where;
	char id[MACHINE_ID_LEN + 1];
};

static int
open_ek(struct tpm *tpm, const struct ek_setup *s, struct ek *ret)
{
	if (s->wanted != NULL)
		return ek_open_id(tpm, s->wanted, s->endorsement, ret);
	return ek_open(tpm, &s->choice, s->endorsement, ret);
}

static int
look_at_key(struct tpm *tpm, struct ek_setup *s)
{
	struct ek ek;
	int r;

	if ((r = open_ek(tpm, s, &ek)) != 0)
		return r;
	s->choice = (struct ek_choice){ ek.kind, ek.where };
	snprintf(s->id, sizeof(s->id), "%s", ek.id);
	ek_close(tpm, &ek);
	return 0;
}

static int
look(struct tpm *tpm, void *what)
{
	struct ek_setup *s = what;
	int r;

	if ((r = ek_hierarchy(tpm, &s->hierarchy)) != 0 ||
	    s->hierarchy.disabled ||
	    (r = owner_has_password(tpm, &s->owner_has_password)) != 0 ||
	    (s->wanted == NULL &&
		((r = ek_choose(tpm, &s->choice)) != 0 ||
		    s->choice.where == 0)))
		return r;
	return look_at_key(tpm, s);
}

static int
persist(struct tpm *tpm, const struct ek_setup *s, const struct ek *ek)
{
	ESYS_TR session;
	int r;

	r = owner_start_session(tpm, s->owner, ek->object, &session);
	if (r == 0)
		r = ek_make_persistent(tpm, session, ek);
	owner_end_session(tpm, &session);
	return r;
}

static int
make(struct tpm *tpm, void *what)
{
	struct ek_setup *s = what;
	uint64_t start = clock_us();
	struct ek ek;
	int r;

	if ((r = open_ek(tpm, s, &ek)) != 0)
		return r;
	s->took_us = clock_us() - start;
	snprintf(s->id, sizeof(s->id), "%s", ek.id);
	if ((r = persist(tpm, s, &ek)) == 0)
		s->where = ek.kind->persistent;
	ek_close(tpm, &ek);
	return r;
}

static int
ask_and_make(
    const struct config *cfg, struct ek_setup *s, struct owner_password *owner)
{
	struct owner_password endorsement = { 0 };
	int r = 0;

	if (s->owner_has_password && owner->secret.len == 0)
		r = owner_password_ask(cfg, owner);
	if (r == 0 && s->hierarchy.has_password)
		r = endorsement_password_ask(cfg, &endorsement);
	s->owner = owner->auth;
	s->endorsement = endorsement.auth;
	if (r == 0)
		r = tpm_with(cfg->tcti, make, s);
	owner_password_reset(&endorsement);
	return r;
}

static void
tell_made(const struct ek_setup *s)
{
	printf("Made the endorsement key (%s) persistent at 0x%08x",
	    s->choice.kind->name, s->where);
	if (s->choice.kind->type != EK_P256 && s->choice.kind->type != EK_P384)
		printf(
		    "; creating it took %.1f s", (double)s->took_us / 1000000);
	printf(".\nThis machine's id is %s.\n", s->id);
}

int
setup_ek(const struct config *cfg, enum setup_mode mode,
    struct owner_password *owner, char ret_id[MACHINE_ID_LEN + 1])
{
	struct ek_setup s = { .wanted = cfg->endorsement_key };
	int r;

	if ((r = tpm_with(cfg->tcti, look, &s)) != 0)
		return r;
	if (s.hierarchy.disabled)
		printf("The TPM's endorsement hierarchy is disabled: there is "
		       "no endorsement key.\n");
	else if (s.choice.where != 0)
		printf("The endorsement key (%s) is persistent already, at "
		       "0x%08x.\nThis machine's id is %s.\n",
		    s.choice.kind->name, s.choice.where, s.id);
	else if (mode == SETUP_DRY_RUN)
		printf("Would make the endorsement key (%s) persistent at "
		       "0x%08x.\n",
		    s.choice.kind->name, s.choice.kind->persistent);
	else if ((r = ask_and_make(cfg, &s, owner)) == 0)
		tell_made(&s);
	else
		printf("The endorsement key (%s) was not made persistent: "
		       "%s.\n",
		    s.choice.kind->name, log_cause());
	snprintf(ret_id, MACHINE_ID_LEN + 1, "%s", s.id);
	return 0;
}
