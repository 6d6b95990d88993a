/* SPDX-License-Identifier: ISC */
#include "base/duration.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "tpm/capability.h"
#include "tpm/lockout.h"

/* Part 2, section 6.13: three properties in a row, from this one on. */
#define FIRST_PROPERTY TPM2_PT_LOCKOUT_COUNTER
#define N_PROPERTIES 3

static int
find_property(const TPMS_CAPABILITY_DATA *data, TPM2_PT property, uint32_t *ret)
{
	const TPML_TAGGED_TPM_PROPERTY *list = &data->data.tpmProperties;

	for (uint32_t i = 0; i < list->count; i++) {
		if (list->tpmProperty[i].property != property)
			continue;
		*ret = list->tpmProperty[i].value;
		return 0;
	}
	return fail(FAIL_TPM, "the TPM does not tell its lockout state");
}

int
lockout_read(struct tpm *tpm, struct lockout *ret)
{
	TPMS_CAPABILITY_DATA *data;
	struct lockout l;
	int r;

	if ((r = tpm_capability(tpm, TPM2_CAP_TPM_PROPERTIES, FIRST_PROPERTY,
		 N_PROPERTIES, "tell its lockout state", NULL, &data)) != 0)
		return r;
	if ((r = find_property(data, TPM2_PT_LOCKOUT_COUNTER, &l.counter)) ==
		0 &&
	    (r = find_property(data, TPM2_PT_MAX_AUTH_FAIL, &l.max)) == 0 &&
	    (r = find_property(data, TPM2_PT_LOCKOUT_INTERVAL, &l.interval)) ==
		0)
		*ret = l;
	Esys_Free(data);
	return r;
}

static void
add_forgetting(struct text *t, const struct lockout *l)
{
	if (l->interval == 0) {
		text_add(t, "it forgets none by itself");
	} else {
		text_add(t, "it forgets one every ");
		duration_add(t, l->interval);
	}
}

int
lockout_check(const struct lockout *l, enum lockout_last_try last_try)
{
	struct text t = { 0 };

	if (l->counter >= l->max) {
		text_add(&t,
		    "the TPM is locked after %u wrong tries, for everything "
		    "on this machine that has a PIN or password in it, disks "
		    "included; ",
		    l->counter);
		add_forgetting(&t, l);
		return fail(FAIL_LOCKOUT, "%s", t.s);
	}
	if (l->counter + 1 == l->max && last_try == LOCKOUT_KEEP_LAST_TRY) {
		text_add(&t,
		    "one more wrong PIN would lock the TPM, for disks too (%u "
		    "of %u tries are spent); ",
		    l->counter, l->max);
		add_forgetting(&t, l);
		return fail(FAIL_LAST_TRY, "%s", t.s);
	}
	return 0;
}

int
lockout_wrong_pin(const struct lockout *after)
{
	uint32_t left =
	    after->max > after->counter ? after->max - after->counter : 0;
	struct text t = { 0 };

	if (left == 0)
		text_add(&t, "wrong PIN; the TPM has locked itself now");
	else
		text_add(&t,
		    "wrong PIN; %u %s left before the TPM locks "
		    "itself",
		    left, left == 1 ? "try is" : "tries are");
	if (left == 1)
		text_add(&t,
		    ", and that one is not spent unless SpendLastTry "
		    "is yes");
	return fail(FAIL_WRONG_PIN, "%s", t.s);
}

int
lockout_begin_try(
    struct tpm *tpm, const char *tcti, enum lockout_last_try last_try)
{
	struct lockout state;
	int r;

	tpm_lock(tpm, tcti);
	if ((r = lockout_read(tpm, &state)) != 0)
		return r;
	return lockout_check(&state, last_try);
}

/*
 * The counter is read again, as other programs try, too, and as it may not have
 * been the TPM that refused. Where the TPM does not tell it, the PIN still
 * counts as wrong: after any other failure it might be tried once more.
 */
int
lockout_end_try(struct tpm *tpm, int r)
{
	struct lockout state;

	tpm_unlock(tpm);
	if (r != FAIL_WRONG_PIN)
		return r;
	if (lockout_read(tpm, &state) != 0)
		return fail(FAIL_WRONG_PIN,
		    "wrong PIN; the TPM does not tell how many tries are left");
	return lockout_wrong_pin(&state);
}
