/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "key/blob.h"
#include "key/key.h"
#include "key/load.h"
#include "key/parent.h"
#include "key/pin-object.h"
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
 * The parent's public area came in another answer. A key whose handle has a
 * Name that its parent does not have is never found again.
 */
static int
check_parent(const TPMS_CREATION_DATA *data, const struct parent *parent)
{
	const TPM2B_NAME *name = &data->parentName;

	if (name->size == sizeof(parent->name) &&
	    memcmp(name->name, parent->name, sizeof(parent->name)) == 0)
		return 0;
	return fail(FAIL_FORGED,
	    "the TPM made a key under another parent than the one it told of");
}

/*
 * TPM2_Create by a template; the object's two areas, marshalled. An authValue
 * goes in a session that encrypts it.
 */
static int
create(struct tpm *tpm, struct key_tools *tools, const struct bytes *template,
    const TPM2B_SENSITIVE_CREATE *sensitive, struct bytes *ret_public,
    struct bytes *ret_private)
{
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION pcrs = { 0 };
	TPM2B_PUBLIC *public = NULL, wanted;
	TPM2B_CREATION_DATA *data = NULL;
	TPM2B_PRIVATE *private = NULL;
	ESYS_TR session = ESYS_TR_PASSWORD;
	TSS2_RC rc;
	int r;

	if ((r = blob_read_public(template, &wanted)) != 0)
		return r;
	if (sensitive->sensitive.userAuth.size > 0) {
		if ((r = session_start(
			 tpm, tools->parent.object, &tools->session)) != 0 ||
		    (r = session_encrypt(tpm, tools->session)) != 0)
			return r;
		session = tools->session;
	}
	rc = TPM_RETRY(Esys_Create(tpm_esys(tpm), tools->parent.object, session,
	    tpm_guard(tpm), ESYS_TR_NONE, sensitive, &wanted, &outside, &pcrs,
	    &private, &public, &data, NULL, NULL));
	if (rc != TSS2_RC_SUCCESS)
		r = parent_fail(rc, session, "create a key");
	else if ((r = check_parent(&data->creationData, &tools->parent)) == 0 &&
	    (r = blob_write_public(public, ret_public)) == 0)
		r = blob_write_private(private, ret_private);
	Esys_Free(private);
	Esys_Free(data);
	Esys_Free(public);
	return r;
}

static void
set_auth_value(TPM2B_SENSITIVE_CREATE *sensitive, struct slice auth_value)
{
	TPM2B_AUTH *auth = &sensitive->sensitive.userAuth;

	auth->size = (UINT16)auth_value.len;
	if (auth_value.len > 0)
		memcpy(auth->buffer, auth_value.data, auth_value.len);
}

static int
create_pin_object(struct tpm *tpm, struct key_tools *tools,
    struct slice auth_value, struct handle *h)
{
	TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	struct bytes template = { 0 };
	int r;

	if ((r = template_pin_object(&template)) != 0)
		return r;
	set_auth_value(&sensitive, auth_value);
	sensitive.sensitive.data.size = 1; /* the least there can be: a zero */
	r = create(tpm, tools, &template, &sensitive, &h->pin_object_public,
	    &h->pin_object_private);
	explicit_bzero(&sensitive, sizeof(sensitive));
	bytes_reset(&template);
	return r;
}

/* The PIN is the key's own, or its PIN object's. */
static int
create_key(struct tpm *tpm, struct key_tools *tools, struct slice auth_value,
    struct handle *h)
{
	TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	struct bytes template = { 0 };
	int r = 0;

	if (h->auth == HANDLE_AUTH_PIN_OBJECT)
		r = create_pin_object(tpm, tools, auth_value, h);
	else
		set_auth_value(&sensitive, auth_value);
	if (r == 0 && (r = template_public(h, NULL, &template)) == 0)
		r = create(tpm, tools, &template, &sensitive, &h->tpm_public,
		    &h->tpm_private);
	explicit_bzero(&sensitive, sizeof(sensitive));
	bytes_reset(&template);
	return r;
}

int
key_create(struct tpm *tpm, const struct key_wishes *wishes,
    struct key_tools *tools, struct handle *ret_handle,
    struct checked_key *ret_key)
{
	struct parent *parent = &tools->parent;
	struct handle h = { 0 };
	struct checked_key key;
	int r;

	if (wishes->auth_value.len > 0)
		h.auth = wishes->pin_lifetime > 0 ? HANDLE_AUTH_PIN_OBJECT
						  : HANDLE_AUTH_PIN;
	h.pin_lifetime = wishes->pin_lifetime;
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
	r = create_key(tpm, tools, wishes->auth_value, &h);
	if (r == 0 && (r = key_check(&h, &key)) == 0) {
		*ret_handle = h;
		*ret_key = (struct checked_key){ ret_handle, key.point };
		h = (struct handle){ 0 };
	} else if (r == FAIL_HANDLE) {
		r = fail(FAIL_FORGED,
		    "the TPM created another key than it was asked for");
	}
out:
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
	    session, tpm_guard(tpm), ESYS_TR_NONE, &auth, &private));
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

	if ((r = parent_find(tpm, h->parent, h->parent_name, parent)) != 0)
		return r;
	if (h->auth == HANDLE_AUTH_PIN_OBJECT)
		r = pin_object_load(tpm, h, parent, &object, &tools->session);
	else if ((r = session_start(tpm, parent->object, &tools->session)) == 0)
		r = load_under(tpm, key, parent, tools->session, &object);
	if (r != 0)
		return r;
	if ((r = session_set_auth(tpm, object, old_auth)) == 0)
		r = change_auth(
		    tpm, object, parent, tools->session, new_auth, ret_private);
	session_forget_auth(tpm, object);
	tpm_flush(tpm, &object);
	return r;
}
