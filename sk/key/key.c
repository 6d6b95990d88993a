/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "key/blob.h"
#include "key/key.h"
#include "key/load.h"
#include "key/parent.h"
#include "key/template.h"
#include "tpm/pcr-read.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/session.h"

int
key_check(const struct handle *h, struct checked_key *ret)
{
	struct ec_point point;
	int r;

	if (h->auth == HANDLE_AUTH_PIN_OBJECT)
		return fail(FAIL_VERSION,
		    "the key's PIN has a lifetime, which this sk-tpm cannot "
		    "keep; use a later one");
	if ((r = template_point(h, bytes_slice(&h->tpm_public), &point)) == 0)
		*ret = (struct checked_key){ h, point };
	return r;
}

void
key_tools_end(struct tpm *tpm, struct key_tools *tools)
{
	session_end(tpm, &tools->session);
	parent_close(tpm, &tools->parent);
}

/*
 * TPM2_Create of `wanted`, marshalled into h: in a session that encrypts the
 * authValue, if there is one.
 */
static int
create(struct tpm *tpm, struct key_tools *tools, const TPM2B_PUBLIC *wanted,
    struct slice auth_value, struct handle *h)
{
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION pcrs = { 0 };
	TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	TPM2B_PRIVATE *private = NULL;
	TPM2B_PUBLIC *public = NULL;
	TSS2_RC rc;
	int r;

	if (auth_value.len > 0 &&
	    ((r = session_start(tpm, tools->parent.object, &tools->session)) !=
		    0 ||
		(r = session_encrypt(tpm, tools->session)) != 0))
		return r;
	sensitive.sensitive.userAuth.size = (UINT16)auth_value.len;
	if (auth_value.len > 0)
		memcpy(sensitive.sensitive.userAuth.buffer, auth_value.data,
		    auth_value.len);
	rc = TPM_RETRY(Esys_Create(tpm_esys(tpm), tools->parent.object,
	    tools->session, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, wanted,
	    &outside, &pcrs, &private, &public, NULL, NULL, NULL));
	explicit_bzero(&sensitive, sizeof(sensitive));
	if (rc != TSS2_RC_SUCCESS)
		r = parent_fail(rc, tools->session, "create a key");
	else if ((r = blob_write_public(public, &h->tpm_public)) == 0)
		r = blob_write_private(private, &h->tpm_private);
	Esys_Free(private);
	Esys_Free(public);
	return r;
}

int
key_create(struct tpm *tpm, const struct key_wishes *wishes,
    struct key_tools *tools, struct handle *ret_handle,
    struct checked_key *ret_key)
{
	struct parent *parent = &tools->parent;
	struct bytes template = { 0 };
	struct handle h = { 0 };
	struct checked_key key;
	TPM2B_PUBLIC wanted;
	int r;

	if (wishes->auth_value.len > 0)
		h.auth = HANDLE_AUTH_PIN;
	h.presence = wishes->presence;
	h.pcrs = wishes->pcrs;
	memcpy(h.pin_salt, wishes->pin_salt, sizeof(h.pin_salt));
	memcpy(h.application, wishes->application, sizeof(h.application));
	if ((r = limits_copy(wishes->limits, &h.limits)) != 0 ||
	    (r = pcr_read_for_key(tpm, h.pcrs, h.pcr_values)) != 0 ||
	    (r = parent_for_new(tpm, wishes->parent, parent)) != 0)
		goto out;
	h.parent = parent->where;
	memcpy(h.parent_name, parent->name, sizeof(h.parent_name));
	if ((r = template_public(&h, NULL, &template)) != 0 ||
	    (r = blob_read_public(&template, &wanted)) != 0 ||
	    (r = create(tpm, tools, &wanted, wishes->auth_value, &h)) != 0)
		goto out;
	if ((r = key_check(&h, &key)) != 0) {
		if (r == FAIL_HANDLE)
			r = fail(FAIL_FORGED,
			    "the TPM created another key than it was asked "
			    "for");
		goto out;
	}
	*ret_handle = h;
	*ret_key = (struct checked_key){ ret_handle, key.point };
	h = (struct handle){ 0 };
out:
	bytes_reset(&template);
	handle_reset(&h);
	return r;
}

/* TPM2_ObjectChangeAuth, the new authValue encrypted on its way. */
static int
change_auth(struct tpm *tpm, ESYS_TR key, const struct parent *parent,
    ESYS_TR session, struct slice new_auth, struct bytes *ret_private)
{
	TPM2B_AUTH auth = { .size = (UINT16)new_auth.len };
	TPM2B_PRIVATE *private = NULL;
	TSS2_RC rc;
	int r;

	if ((r = session_encrypt(tpm, session)) != 0)
		return r;
	memcpy(auth.buffer, new_auth.data, new_auth.len);
	rc = TPM_RETRY(Esys_ObjectChangeAuth(tpm_esys(tpm), key, parent->object,
	    session, ESYS_TR_NONE, ESYS_TR_NONE, &auth, &private));
	explicit_bzero(&auth, sizeof(auth));
	if (rc != TSS2_RC_SUCCESS)
		r = load_use_fail(rc, session);
	else
		r = blob_write_private(private, ret_private);
	Esys_Free(private);
	return r;
}

int
key_change_auth(struct tpm *tpm, const struct checked_key *key,
    struct slice old_auth, struct slice new_auth, struct key_tools *tools,
    struct bytes *ret_private)
{
	const struct handle *h = key->handle;
	struct parent *parent = &tools->parent;
	ESYS_TR object = ESYS_TR_NONE;
	int r;

	if ((r = parent_find(tpm, h->parent, h->parent_name, parent)) != 0 ||
	    (r = load_under(tpm, key, parent, &object, &tools->session)) != 0)
		return r;
	if ((r = session_set_auth(tpm, object, old_auth)) == 0)
		r = change_auth(
		    tpm, object, parent, tools->session, new_auth, ret_private);
	session_forget_auth(tpm, object);
	tpm_flush(tpm, &object);
	return r;
}
