/* SPDX-License-Identifier: ISC */
#include "attest/ek.h"
#include "attest/guard.h"
#include "base/error.h"
#include "base/log.h"
#include "tpm/session.h"

/*
 * That the key is loaded, and what it is, an attacker may tell at will: its id
 * is computed from what is encrypted to. So the first answer in the session
 * shows that it came from the TPM with that key.
 */
int
guard_begin(struct tpm *tpm, const struct config *cfg)
{
	ESYS_TR session = ESYS_TR_NONE;
	struct ek ek;
	int r;

	if (cfg->endorsement_key == NULL)
		return 0;
	r = ek_open_id(tpm, cfg->endorsement_key, (struct slice){ 0 }, &ek);
	if (r == FAIL_OTHER_TPM)
		return fail(FAIL_FORGED,
		    "this TPM does not have the endorsement key %s, which "
		    "EndorsementKey names",
		    cfg->endorsement_key);
	if (r != 0)
		return r;
	if ((r = session_start(tpm, ek.object, &session)) == 0 &&
	    (r = session_audit(tpm, session)) == 0)
		tpm_set_guard(tpm, session);
	else
		tpm_flush(tpm, &session);
	ek_close(tpm, &ek);
	return r;
}

struct guarded {
	const struct config *cfg;
	tpm_work *work;
	void *what;
};

static int
begin_and_work(struct tpm *tpm, void *what)
{
	const struct guarded *g = what;
	int r;

	if ((r = guard_begin(tpm, g->cfg)) != 0)
		return r;
	return g->work(tpm, g->what);
}

int
guard_with(const struct config *cfg, tpm_work *work, void *what)
{
	struct guarded g = { cfg, work, what };

	return tpm_with(cfg->tcti, begin_and_work, &g);
}
