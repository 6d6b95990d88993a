/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <tss2/tss2_mu.h>

#include "attest/ek.h"
#include "base/error.h"
#include "base/log.h"
#include "tpm/capability.h"
#include "tpm/hierarchy.h"
#include "tpm/nv-other.h"
#include "tpm/object.h"
#include "tpm/persistent.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/session.h"

/* --- the hierarchy ----------------------------------------------------- */

_Static_assert(TPM2_PT_STARTUP_CLEAR == TPM2_PT_PERMANENT + 1,
    "one command asks for both");

int
ek_hierarchy(struct tpm *tpm, struct ek_hierarchy *ret)
{
	uint32_t permanent, startup;
	int r;

	if ((r = tpm_property(tpm, TPM2_PT_PERMANENT, &permanent)) != 0 ||
	    (r = tpm_property(tpm, TPM2_PT_STARTUP_CLEAR, &startup)) != 0)
		return r;
	*ret = (struct ek_hierarchy){
		.disabled = (startup & TPMA_STARTUP_CLEAR_EHENABLE) == 0,
		.has_password =
		    (permanent & TPMA_PERMANENT_ENDORSEMENTAUTHSET) != 0,
	};
	return 0;
}

/* What the use of the hierarchy failed by. */
static int
hierarchy_fail(TSS2_RC rc, struct slice password, const char *doing)
{
	switch (tpm_rc(rc)) {
	case TPM2_RC_BAD_AUTH:
	case TPM2_RC_AUTH_FAIL:
		return fail(FAIL_ENDORSEMENT_PASSWORD,
		    password.len == 0 ? "the TPM's endorsement hierarchy has a "
					"password"
				      : "the TPM's endorsement hierarchy has "
					"another password");
	case TPM2_RC_HIERARCHY:
		return fail(FAIL_EK,
		    "the TPM's endorsement hierarchy is disabled, so it has no "
		    "endorsement key");
	default:
		return tpm_fail(rc, doing);
	}
}

/* --- one key ----------------------------------------------------------- */

/* What tpm2-tss has been told of ek->object. 0; FAIL_EK for no EK. */
static int
read_area(struct tpm *tpm, struct ek *ek)
{
	uint8_t area[sizeof(TPM2B_PUBLIC)];
	TPM2B_PUBLIC public;
	size_t len = 0;
	int r;

	if ((r = tpm_read_back(tpm, ek->object, NULL, &public)) != 0)
		return r;
	public.size = 0; /* the marshaller fills it in */
	if (Tss2_MU_TPM2B_PUBLIC_Marshal(&public, area, sizeof(area), &len) !=
	    TSS2_RC_SUCCESS)
		return fail(FAIL_INTERNAL, "cannot marshal a public area");
	if ((r = bytes_set(&ek->area, area, len)) != 0 ||
	    (r = ek_public_parse(bytes_slice(&ek->area), &ek->public)) != 0 ||
	    (r = machine_id(&ek->public, ek->id)) != 0)
		return r;
	ek->kind = ek_kind_of(&ek->public, &public.publicArea);
	if (ek->kind == NULL)
		return fail(
		    FAIL_EK, "its policy is not that of an endorsement key");
	return 0;
}

/* The EK at a persistent handle. 0; FAIL_EK for no or another key. */
static int
open_persistent(struct tpm *tpm, uint32_t where, struct ek *ret)
{
	struct ek ek = { .where = where };
	int r;

	if ((r = tpm_open_handle(
		 tpm, where, "read an endorsement key", &ek.object)) != 0)
		return r;
	if (ek.object == ESYS_TR_NONE)
		return fail(FAIL_EK, "there is no key at 0x%08x", where);
	if ((r = read_area(tpm, &ek)) == 0)
		*ret = ek;
	else
		ek_close(tpm, &ek);
	return r;
}

/*
 * The template that the maker put into NV, or the TCG's, with the maker's nonce
 * if there is one.
 */
static int
find_template(struct tpm *tpm, const struct ek_kind *kind, TPM2B_PUBLIC *ret)
{
	TPM2B_PUBLIC template = { 0 };
	struct bytes in = { 0 };
	size_t used = 0;
	int r;

	ek_kind_template(kind, &template.publicArea);
	if ((r = nv_other_read(tpm, kind->template, &in)) != 0)
		goto out;
	if (in.len > 0 &&
	    (Tss2_MU_TPMT_PUBLIC_Unmarshal(in.data, in.len, &used,
		 &template.publicArea) != TSS2_RC_SUCCESS ||
		used != in.len)) {
		r = fail(FAIL_EK,
		    "the endorsement key's template in the NV index 0x%08x "
		    "cannot be read",
		    kind->template);
		goto out;
	}
	bytes_reset(&in);
	if (kind->nonce == 0 || (r = nv_other_read(tpm, kind->nonce, &in)) != 0)
		goto out;
	if (in.len > 0 &&
	    !ek_kind_put_nonce(&template.publicArea, bytes_slice(&in)))
		r = fail(FAIL_EK,
		    "the endorsement key's nonce in the NV index 0x%08x is too "
		    "long",
		    kind->nonce);
out:
	if (r == 0)
		*ret = template;
	bytes_reset(&in);
	return r;
}

static int
create_by(struct tpm *tpm, const TPM2B_PUBLIC *template, struct slice password,
    ESYS_TR *ret)
{
	const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION pcrs = { 0 };
	ESYS_TR session = ESYS_TR_PASSWORD;
	TSS2_RC rc;
	int r;

	if ((r = hierarchy_start_session_by_null_key(
		 tpm, ESYS_TR_RH_ENDORSEMENT, password, &session)) == 0) {
		rc = TPM_RETRY(Esys_CreatePrimary(tpm_esys(tpm),
		    ESYS_TR_RH_ENDORSEMENT, session,
		    tpm_guard_beside(tpm, session), ESYS_TR_NONE, &sensitive,
		    template, &outside, &pcrs, ret, NULL, NULL, NULL, NULL));
		if (rc != TSS2_RC_SUCCESS)
			r = hierarchy_fail(
			    rc, password, "create the endorsement key");
	}
	hierarchy_end_session(tpm, ESYS_TR_RH_ENDORSEMENT, &session);
	return r;
}

static int
create(struct tpm *tpm, const struct ek_kind *kind, struct slice password,
    struct ek *ret)
{
	struct ek ek = { .object = ESYS_TR_NONE };
	TPM2B_PUBLIC template;
	int r;

	if ((r = find_template(tpm, kind, &template)) != 0 ||
	    (r = create_by(tpm, &template, password, &ek.object)) != 0)
		return r;
	if ((r = read_area(tpm, &ek)) == 0)
		*ret = ek;
	else
		ek_close(tpm, &ek);
	return r;
}

void
ek_close(struct tpm *tpm, struct ek *ek)
{
	if (ek->where != 0)
		tpm_close_handle(tpm, &ek->object);
	else
		tpm_flush(tpm, &ek->object);
	bytes_reset(&ek->area);
	*ek = (struct ek){ .object = ESYS_TR_NONE };
}

/* --- finding ----------------------------------------------------------- */

int
ek_list(struct tpm *tpm, struct eks *ret)
{
	struct tpm_handles there;
	struct eks eks = { 0 };
	int r;

	r = tpm_list_handles(tpm, EK_PERSISTENT_FIRST, EK_PERSISTENT_LAST,
	    "list its persistent keys", &there);
	for (size_t i = 0; r == 0 && i < there.n && eks.n < EK_MAX_PERSISTENT;
	     i++) {
		r = open_persistent(tpm, there.handles[i], &eks.eks[eks.n]);
		if (r == 0)
			eks.n++;
		else if (r == FAIL_EK)
			r = 0;
	}
	if (r == 0)
		*ret = eks;
	else
		eks_close(tpm, &eks);
	return r;
}

void
eks_close(struct tpm *tpm, struct eks *eks)
{
	for (size_t i = 0; i < eks->n; i++)
		ek_close(tpm, &eks->eks[i]);
	eks->n = 0;
}

static bool
has_handle(const struct tpm_handles *there, uint32_t handle)
{
	for (size_t i = 0; i < there->n; i++)
		if (there->handles[i] == handle)
			return true;
	return false;
}

static const struct ek *
find_kind(const struct eks *eks, const struct ek_kind *kind)
{
	for (size_t i = 0; i < eks->n; i++)
		if (eks->eks[i].kind == kind)
			return &eks->eks[i];
	return NULL;
}

static int
list_indices(struct tpm *tpm, struct tpm_handles *ret)
{
	return tpm_list_handles(
	    tpm, EK_NV_FIRST, EK_NV_LAST, "list its NV indices", ret);
}

int
ek_choose(struct tpm *tpm, struct ek_choice *ret)
{
	struct ek_choice best = { .kind = &ek_kinds[EK_DEFAULT_ECC] };
	struct tpm_handles indices;
	int best_worth = -1, r;
	struct eks eks = { 0 };

	if ((r = list_indices(tpm, &indices)) != 0 ||
	    (r = ek_list(tpm, &eks)) != 0)
		return r;
	for (size_t i = 0; i < EK_N_KINDS; i++) {
		const struct ek_kind *kind = &ek_kinds[i];
		const struct ek *ek = find_kind(&eks, kind);
		int worth =
		    2 * has_handle(&indices, kind->certificate) + (ek != NULL);

		if (worth > 0 && worth > best_worth) {
			best.kind = kind;
			best.where = ek != NULL ? ek->where : 0;
			best_worth = worth;
		}
	}
	eks_close(tpm, &eks);
	*ret = best;
	return 0;
}

int
ek_open(struct tpm *tpm, const struct ek_choice *choice, struct slice password,
    struct ek *ret)
{
	if (choice->where != 0)
		return open_persistent(tpm, choice->where, ret);
	return create(tpm, choice->kind, password, ret);
}

/* Creates those of which the TPM has a certificate, and the two usual ones. */
static int
create_id(
    struct tpm *tpm, const char *id, struct slice password, struct ek *ret)
{
	struct tpm_handles indices;
	int r;

	if ((r = list_indices(tpm, &indices)) != 0)
		return r;
	for (size_t i = 0; i < EK_N_KINDS; i++) {
		struct ek ek;

		if (i != EK_DEFAULT_ECC && i != EK_DEFAULT_RSA &&
		    !has_handle(&indices, ek_kinds[i].certificate))
			continue;
		if ((r = create(tpm, &ek_kinds[i], password, &ek)) != 0)
			return r;
		if (strcmp(ek.id, id) == 0) {
			*ret = ek;
			return 0;
		}
		ek_close(tpm, &ek);
	}
	return fail(FAIL_OTHER_TPM,
	    "this TPM does not have the endorsement key %s", id);
}

int
ek_open_id(
    struct tpm *tpm, const char *id, struct slice password, struct ek *ret)
{
	struct eks eks;
	bool found = false;
	int r;

	if ((r = ek_list(tpm, &eks)) != 0)
		return r;
	for (size_t i = 0; i < eks.n && !found; i++) {
		if (strcmp(eks.eks[i].id, id) != 0)
			continue;
		*ret = eks.eks[i];
		eks.eks[i] = (struct ek){ .object = ESYS_TR_NONE };
		found = true;
	}
	eks_close(tpm, &eks);
	return found ? 0 : create_id(tpm, id, password, ret);
}

int
ek_make_persistent(struct tpm *tpm, ESYS_TR session, const struct ek *ek)
{
	const uint32_t where = ek->kind->persistent;
	int r;

	r = persistent_make(tpm, session, ek->object, where);
	if (r == PERSISTENT_TAKEN)
		return fail(
		    FAIL_EXISTS, "another key is at 0x%08x already", where);
	return r;
}

/* --- using ------------------------------------------------------------- */

static int
start_policy(struct tpm *tpm, TPMI_ALG_HASH hash, ESYS_TR *ret)
{
	const TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };
	TSS2_RC rc;

	rc = TPM_RETRY(Esys_StartAuthSession(tpm_esys(tpm), ESYS_TR_NONE,
	    ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
	    TPM2_SE_POLICY, &none, hash, ret));
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "start a session");
	return 0;
}

/* PolicySecret, for the endorsement hierarchy. */
static int
satisfy_secret(
    struct tpm *tpm, const struct ek *ek, struct slice password, ESYS_TR policy)
{
	ESYS_TR session = ESYS_TR_PASSWORD;
	TSS2_RC rc;
	int r;

	if ((r = hierarchy_start_session(tpm, ESYS_TR_RH_ENDORSEMENT, password,
		 ek->object, &session)) == 0) {
		rc = TPM_RETRY(Esys_PolicySecret(tpm_esys(tpm),
		    ESYS_TR_RH_ENDORSEMENT, policy, session, ESYS_TR_NONE,
		    ESYS_TR_NONE, NULL, NULL, NULL, 0, NULL, NULL));
		if (rc != TSS2_RC_SUCCESS)
			r = hierarchy_fail(
			    rc, password, "authorize the endorsement key");
	}
	hierarchy_end_session(tpm, ESYS_TR_RH_ENDORSEMENT, &session);
	return r;
}

static int
satisfy_or(struct tpm *tpm, const struct ek *ek, ESYS_TR policy)
{
	TPML_DIGEST branches;
	TSS2_RC rc;

	ek_kind_branches(ek->public.name_alg, &branches);
	rc = TPM_RETRY(Esys_PolicyOR(tpm_esys(tpm), policy, ESYS_TR_NONE,
	    ESYS_TR_NONE, ESYS_TR_NONE, &branches));
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "authorize the endorsement key");
	return 0;
}

int
ek_authorize(
    struct tpm *tpm, const struct ek *ek, struct slice password, ESYS_TR *ret)
{
	ESYS_TR policy = ESYS_TR_NONE;
	int r;

	r = start_policy(tpm, (TPMI_ALG_HASH)ek->public.name_alg, &policy);
	if (r != 0)
		return r;
	if ((r = satisfy_secret(tpm, ek, password, policy)) == 0 &&
	    ek->kind->policy == EK_POLICY_B)
		r = satisfy_or(tpm, ek, policy);
	if (r == 0)
		*ret = policy;
	else
		tpm_flush(tpm, &policy);
	return r;
}
