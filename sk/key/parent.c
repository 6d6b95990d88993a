/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <tss2/tss2_mu.h>

#include "base/error.h"
#include "base/log.h"
#include "key/parent.h"
#include "tpm/object.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/session.h"

_Static_assert(HANDLE_NAME_LEN == TPM_NAME_LEN, "handles name parents");

/*
 * ECC P-256 SRK template of the TCG (TCG TPM v2.0 Provisioning Guidance, 7.5.1,
 * and TCG EK Credential Profile, template H-2 without its policy). Both ways
 * to fill `unique` are in the field; they give different keys.
 */
#define SRK_ATTRIBUTES                                                   \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |                \
	    TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | \
	    TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

#define SRK_PUBLIC_AREA(unique_len)                                        \
	{                                                                  \
		.publicArea = {                                          \
			.type = TPM2_ALG_ECC,                            \
			.nameAlg = TPM2_ALG_SHA256,                      \
			.objectAttributes = SRK_ATTRIBUTES,              \
			.parameters.eccDetail = {                        \
				.symmetric = {                           \
					.algorithm = TPM2_ALG_AES,       \
					.keyBits.aes = 128,              \
					.mode.aes = TPM2_ALG_CFB,        \
				},                                       \
				.scheme.scheme = TPM2_ALG_NULL,          \
				.curveID = TPM2_ECC_NIST_P256,           \
				.kdf.scheme = TPM2_ALG_NULL,             \
			},                                               \
			.unique.ecc = {                                  \
				.x.size = (unique_len),                  \
				.y.size = (unique_len),                  \
			},                                               \
		}, \
	}

static const struct {
	uint32_t where;
	TPM2B_PUBLIC public;
} templates[] = {
	{ HANDLE_PARENT_SRK, SRK_PUBLIC_AREA(0) },
	{ HANDLE_PARENT_SRK_ZEROS, SRK_PUBLIC_AREA(32) },
};

#define N_TEMPLATES (sizeof(templates) / sizeof(templates[0]))

static int
compute_name(const TPM2B_PUBLIC *public, uint8_t ret[HANDLE_NAME_LEN])
{
	uint8_t area[sizeof(TPMT_PUBLIC)];
	size_t len = 0;

	if (public->publicArea.nameAlg != TPM2_ALG_SHA256)
		return fail(FAIL_PARENT,
		    "its Name is not made with SHA-256, which sk-tpm needs");
	if (Tss2_MU_TPMT_PUBLIC_Marshal(&public->publicArea, area, sizeof(area),
		&len) != TSS2_RC_SUCCESS)
		return fail(FAIL_INTERNAL, "cannot marshal a public area");
	return tpm_compute_name((struct slice){ area, len }, ret);
}

static int
read_name(struct tpm *tpm, ESYS_TR object, uint8_t ret[HANDLE_NAME_LEN])
{
	TPM2B_PUBLIC public;
	int r;

	if ((r = tpm_read_back(tpm, object, NULL, &public)) != 0)
		return r;
	return compute_name(&public, ret);
}

static int
open_persistent(struct tpm *tpm, uint32_t where, ESYS_TR *ret_object)
{
	return tpm_open_handle(
	    tpm, where, "read the storage root key", ret_object);
}

static int
owner_auth_needed(void)
{
	return fail(FAIL_OWNER_AUTH,
	    "there is no usable storage root key at 0x%08x, and creating one "
	    "needs the TPM's owner password",
	    PARENT_SRK_HANDLE);
}

/* A primary key by a template, authorized by the session. */
static int
create_in(struct tpm *tpm, ESYS_TR hierarchy, ESYS_TR session, size_t template,
    struct parent *ret)
{
	const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION pcrs = { 0 };
	struct parent parent = {
		.object = ESYS_TR_NONE,
		.transient = true,
		.where = templates[template].where,
	};
	TSS2_RC rc;
	int r;

	rc = TPM_RETRY(Esys_CreatePrimary(tpm_esys(tpm), hierarchy, session,
	    ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &templates[template].public,
	    &outside, &pcrs, &parent.object, NULL, NULL, NULL, NULL));
	if (tpm_rc(rc) == TPM2_RC_BAD_AUTH || tpm_rc(rc) == TPM2_RC_AUTH_FAIL)
		return owner_auth_needed();
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "create the storage root key");
	log_debug("created a storage root key by template %u", parent.where);
	if ((r = read_name(tpm, parent.object, parent.name)) == 0)
		*ret = parent;
	else
		tpm_flush(tpm, &parent.object);
	return r;
}

static int
create_primary(struct tpm *tpm, size_t template, struct parent *ret)
{
	return create_in(
	    tpm, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, template, ret);
}

/*
 * Whether keys of ours can live under it: a storage key (part 1, 24.3), and
 * one that a lockout does not stop and that costs no try if it has a password
 * after all. tpm2_createprimary makes ones without noDA unless told.
 */
static int
check_suits(const TPM2B_PUBLIC *public)
{
	const TPMA_OBJECT storage = TPMA_OBJECT_RESTRICTED |
	    TPMA_OBJECT_DECRYPT | TPMA_OBJECT_FIXEDTPM |
	    TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_USERWITHAUTH;
	TPMA_OBJECT actual = public->publicArea.objectAttributes;
	TPMI_ALG_PUBLIC type = public->publicArea.type;

	if ((actual & storage) != storage ||
	    (actual & TPMA_OBJECT_SIGN_ENCRYPT) != 0 ||
	    (type != TPM2_ALG_ECC && type != TPM2_ALG_RSA))
		return fail(FAIL_PARENT, "it is not a storage key");
	if ((actual & TPMA_OBJECT_NODA) == 0)
		return fail(FAIL_PARENT,
		    "it lacks noDA, so wrong PINs of others would stop it");
	return 0;
}

static int
check_persistent(struct tpm *tpm, struct parent *parent)
{
	TPM2B_PUBLIC public;
	int r;

	if ((r = tpm_read_back(tpm, parent->object, NULL, &public)) != 0 ||
	    (r = check_suits(&public)) != 0)
		return r;
	return compute_name(&public, parent->name);
}

/* The key at the SRK's handle is another program's: pass it over. */
static int
create_beside(struct tpm *tpm, struct parent *ret)
{
	log_info("the key at 0x%08x does not suit as a parent: %s; each "
		 "signature creates the storage root key anew, which is slow",
	    PARENT_SRK_HANDLE, log_cause());
	return create_primary(tpm, 0, ret);
}

int
parent_for_new(struct tpm *tpm, uint32_t where, struct parent *ret)
{
	struct parent parent = { .where = where };
	int r;

	if (where == 0)
		parent.where = PARENT_SRK_HANDLE;
	if ((r = open_persistent(tpm, parent.where, &parent.object)) != 0)
		return r;
	if (parent.object == ESYS_TR_NONE && where != 0)
		return fail(FAIL_PARENT,
		    "there is no key at 0x%08x, which Parent names; name "
		    "another one, or auto",
		    where);
	if (parent.object == ESYS_TR_NONE)
		return create_primary(tpm, 0, ret);
	if ((r = check_persistent(tpm, &parent)) == 0) {
		*ret = parent;
		return 0;
	}
	parent_close(tpm, &parent);
	if (r == FAIL_PARENT && where == 0)
		return create_beside(tpm, ret);
	if (r == FAIL_PARENT)
		return fail(r,
		    "the key at 0x%08x, which Parent names, does not suit: "
		    "%s; name another one, or auto",
		    where, log_cause());
	return r;
}

/*
 * The key at a persistent handle, if it has this Name. The key file chooses
 * both, and may name another program's key: with a password and without noDA,
 * each authorization of ours would cost a try of the TPM's. So none is sent
 * to it before its public area is known to suit.
 */
static int
find_persistent(struct tpm *tpm, uint32_t where,
    const uint8_t name[HANDLE_NAME_LEN], struct parent *parent, bool *ret_taken)
{
	TPM2B_PUBLIC public;
	int r;

	parent->transient = false;
	parent->where = where;
	if ((r = open_persistent(tpm, where, &parent->object)) != 0 ||
	    parent->object == ESYS_TR_NONE)
		return r;
	*ret_taken = true;
	/* Another kind of key there, of another nameAlg even: not ours. */
	if (tpm_read_back(tpm, parent->object, NULL, &public) != 0 ||
	    compute_name(&public, parent->name) != 0 ||
	    memcmp(parent->name, name, HANDLE_NAME_LEN) != 0) {
		parent_close(tpm, parent);
		return 0;
	}
	if ((r = check_suits(&public)) != 0) {
		parent_close(tpm, parent);
		return fail(FAIL_HANDLE,
		    "the key handle names the key at 0x%08x as its parent, "
		    "which no key of ours can have: %s; restore the key file",
		    where, log_cause());
	}
	return 0;
}

static int
find_by_template(struct tpm *tpm, size_t template,
    const uint8_t name[HANDLE_NAME_LEN], struct parent *parent)
{
	int r;

	if ((r = create_primary(tpm, template, parent)) != 0)
		return r;
	if (memcmp(parent->name, name, HANDLE_NAME_LEN) != 0)
		parent_close(tpm, parent);
	return 0;
}

/* By each template, the one that the handle names first. */
static int
find_by_templates(struct tpm *tpm, uint32_t where,
    const uint8_t name[HANDLE_NAME_LEN], struct parent *found)
{
	size_t first = where == templates[1].where ? 1 : 0;
	int r = 0;

	for (size_t i = 0;
	     i < N_TEMPLATES && r == 0 && found->object == ESYS_TR_NONE; i++)
		r = find_by_template(
		    tpm, (first + i) % N_TEMPLATES, name, found);
	return r;
}

int
parent_find(struct tpm *tpm, uint32_t where,
    const uint8_t name[HANDLE_NAME_LEN], struct parent *ret)
{
	struct parent found = { .object = ESYS_TR_NONE };
	bool taken = false;
	int r = 0;

	if (where >= HANDLE_PARENT_PERSISTENT_FIRST)
		r = find_persistent(tpm, where, name, &found, &taken);
	if (r == 0 && found.object == ESYS_TR_NONE &&
	    where != PARENT_SRK_HANDLE)
		r = find_persistent(
		    tpm, PARENT_SRK_HANDLE, name, &found, &taken);
	/*
	 * A persistent SRK may be gone, or may have been made persistent since:
	 * the same seed and template give the same key.
	 */
	if (r == 0 && found.object == ESYS_TR_NONE)
		r = find_by_templates(tpm, where, name, &found);
	if ((r == 0 && found.object == ESYS_TR_NONE) ||
	    (r == FAIL_OWNER_AUTH && taken))
		return fail(FAIL_OTHER_TPM,
		    "this key was made in another TPM, or this TPM has been "
		    "cleared since%s",
		    r == FAIL_OWNER_AUTH
			? " (or its storage root key was replaced, and the "
			  "owner password hides the old one)"
			: "");
	if (r != 0)
		return r;
	log_debug("parent: %s",
	    found.transient ? "created for this call" : "persistent");
	*ret = found;
	return 0;
}

int
parent_of_null_hierarchy(struct tpm *tpm, struct parent *ret)
{
	return create_in(tpm, ESYS_TR_RH_NULL, ESYS_TR_PASSWORD, 0, ret);
}

int
parent_look(struct tpm *tpm, enum parent_state *ret)
{
	struct parent parent = { .where = PARENT_SRK_HANDLE };
	int r;

	if ((r = open_persistent(tpm, parent.where, &parent.object)) != 0)
		return r;
	if (parent.object == ESYS_TR_NONE) {
		*ret = PARENT_ABSENT;
		return 0;
	}
	r = check_persistent(tpm, &parent);
	parent_close(tpm, &parent);
	if (r == 0)
		*ret = PARENT_SUITS;
	else if (r == FAIL_PARENT)
		*ret = PARENT_OTHER;
	return r == FAIL_PARENT ? 0 : r;
}

int
parent_template(struct tpm *tpm, uint32_t *ret)
{
	struct parent srk = { .where = PARENT_SRK_HANDLE };
	struct parent made = { .object = ESYS_TR_NONE };
	int r;

	if ((r = open_persistent(tpm, srk.where, &srk.object)) != 0)
		return r;
	if (srk.object == ESYS_TR_NONE)
		return fail(FAIL_PARENT, "there is no storage root key");
	if ((r = read_name(tpm, srk.object, srk.name)) == 0 &&
	    (r = find_by_templates(tpm, 0, srk.name, &made)) == 0)
		*ret = made.object != ESYS_TR_NONE ? made.where : 0;
	parent_close(tpm, &made);
	parent_close(tpm, &srk);
	return r;
}

/* A session for the owner's password; ESYS_TR_PASSWORD where it is empty. */
static int
start_session_by_null_key(
    struct tpm *tpm, struct slice owner_auth, ESYS_TR *ret)
{
	struct parent null = { .object = ESYS_TR_NONE };
	int r;

	*ret = ESYS_TR_PASSWORD;
	if (owner_auth.len == 0)
		return 0;
	if ((r = session_set_owner_auth(tpm, owner_auth)) != 0)
		return r;
	if ((r = parent_of_null_hierarchy(tpm, &null)) == 0)
		r = session_start(tpm, &null, ret);
	parent_close(tpm, &null);
	return r;
}

static int
evict_control(struct tpm *tpm, ESYS_TR session, const struct parent *srk)
{
	ESYS_TR persistent = ESYS_TR_NONE;
	TSS2_RC rc;

	rc = TPM_RETRY(Esys_EvictControl(tpm_esys(tpm), ESYS_TR_RH_OWNER,
	    srk->object, session, ESYS_TR_NONE, ESYS_TR_NONE, PARENT_SRK_HANDLE,
	    &persistent));
	if (rc != TSS2_RC_SUCCESS)
		return tpm_fail(rc, "make the storage root key persistent");
	Esys_TR_Close(tpm_esys(tpm), &persistent);
	return 0;
}

int
parent_make_persistent(struct tpm *tpm, struct slice owner_auth)
{
	struct parent srk = { .object = ESYS_TR_NONE };
	ESYS_TR session;
	int r;

	if ((r = start_session_by_null_key(tpm, owner_auth, &session)) == 0)
		r = create_in(tpm, ESYS_TR_RH_OWNER, session, 0, &srk);
	if (r == FAIL_OWNER_AUTH)
		r = fail(FAIL_OWNER_PASSWORD,
		    "the TPM's owner has another password");
	if (r == 0)
		r = evict_control(tpm, session, &srk);
	parent_close(tpm, &srk);
	session_end_owner(tpm, &session);
	return r;
}

void
parent_close(struct tpm *tpm, struct parent *parent)
{
	if (parent->transient)
		tpm_flush(tpm, &parent->object);
	else
		tpm_close_handle(tpm, &parent->object);
}
