/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "attest/guard.h"
#include "authenticator/resident-credential.h"
#include "base/error.h"
#include "base/log.h"
#include "key/key.h"
#include "key/resident.h"
#include "key/template.h"
#include "tpm/tpm.h"

/* --- keeping one ------------------------------------------------------- */

static int
make_record(const struct credential_request *req, struct slice key_handle,
    struct record *ret)
{
	const char *user = req->user != NULL ? req->user : "";
	struct record rec = { 0 };
	int r;

	if (strlen(user) > RECORD_MAX_USER)
		return fail(FAIL_ARGUMENT,
		    "the user has %zu bytes, and %d are the most", strlen(user),
		    RECORD_MAX_USER);
	if ((r = bytes_set(&rec.application, req->application,
		 strlen(req->application))) == 0 &&
	    (r = bytes_set(&rec.user, user, strlen(user))) == 0 &&
	    (r = record_check_names(&rec)) == 0 &&
	    (r = bytes_set(&rec.key_handle, key_handle.data, key_handle.len)) ==
		0)
		*ret = rec;
	else
		record_reset(&rec);
	return r;
}

static bool
is_resident(const struct credential_request *req)
{
	return (req->flags & CREDENTIAL_RESIDENT) != 0;
}

static bool
overwrites(const struct credential_request *req)
{
	return (req->flags & CREDENTIAL_OVERWRITE) != 0;
}

/* Whether the key's record can be made, and has its name for itself. */
static int
check_name(const struct resident_listing *listing,
    const struct credential_request *req)
{
	struct record rec = { 0 };
	int r;

	if ((r = make_record(req, (struct slice){ 0 }, &rec)) == 0 &&
	    !overwrites(req))
		r = resident_check_free(listing, &rec);
	record_reset(&rec);
	return r;
}

int
resident_credential_look(struct tpm *tpm, const struct credential_request *req)
{
	struct resident_listing l = { 0 };
	int r;

	if (!is_resident(req))
		return 0;
	if (!overwrites(req) && (r = resident_read(tpm, &l)) != 0)
		return r;
	r = check_name(&l, req);
	resident_listing_reset(tpm, &l);
	return r;
}

int
resident_credential_begin(struct tpm *tpm, const struct credential_request *req,
    bool looked, struct resident_listing *ret)
{
	struct resident_listing l = { 0 };
	int r;

	if (!is_resident(req))
		return 0;
	if ((r = resident_read(tpm, &l)) != 0)
		return r;
	if (!looked && (r = check_name(&l, req)) != 0)
		resident_listing_reset(tpm, &l);
	else
		*ret = l;
	return r;
}

int
resident_credential_keep(struct tpm *tpm, const struct credential_request *req,
    struct resident_listing *listing, struct slice key_handle,
    const struct owner_password *owner)
{
	struct record rec = { 0 };
	uint32_t index;
	int r;

	if (!is_resident(req))
		return 0;
	if ((r = make_record(req, key_handle, &rec)) != 0 ||
	    (r = resident_store(tpm, listing, &rec, owner->auth, &index)) != 0)
		goto out;
	log_debug("resident key at 0x%08x", index);
	if ((req->flags & CREDENTIAL_VERIFICATION) == 0)
		log_info("whoever may use this TPM may use a resident key "
			 "without a PIN");
out:
	record_reset(&rec);
	return r;
}

/* --- giving them back ------------------------------------------------- */

static int
read_resident(const struct resident_key *key, struct resident_credential *ret)
{
	const struct record *rec = &key->record;
	struct resident_credential cred = { 0 };
	struct handle h = { 0 };
	int r;

	cred.application =
	    strndup((const char *)rec->application.data, rec->application.len);
	if (cred.application == NULL) {
		r = fail(FAIL_MEMORY, "out of memory");
		goto out;
	}
	if ((r = handle_decode(bytes_slice(&rec->key_handle), &h)) != 0 ||
	    (r = handle_check_application(&h, cred.application)) != 0 ||
	    (r = template_point(&h, bytes_slice(&h.tpm_public), &cred.point)) !=
		0 ||
	    (r = bytes_set(&cred.key_handle, rec->key_handle.data,
		 rec->key_handle.len)) != 0 ||
	    (r = bytes_set(&cred.user, rec->user.data, rec->user.len)) != 0)
		goto out;
	if (h.presence)
		cred.flags |= CREDENTIAL_PRESENCE;
	if (h.auth != HANDLE_AUTH_NONE)
		cred.flags |= CREDENTIAL_VERIFICATION;
	*ret = cred;
	cred = (struct resident_credential){ 0 };
out:
	bytes_reset(&cred.key_handle);
	bytes_reset(&cred.user);
	free(cred.application);
	handle_reset(&h);
	return r;
}

static const char *
why_passed_over(int r)
{
	switch (r) {
	case FAIL_VERSION:
		return "a newer sk-tpm made it";
	case FAIL_TPM:
		return "the TPM does not let it be read";
	case FAIL_NAME:
		return "no file can have its name";
	default:
		return "its record is damaged";
	}
}

/* Leaves out a record that cannot be used, with a line that says why. */
static int
append_resident(
    const struct resident_key *key, struct resident_credentials *list)
{
	int r = key->error;

	if (r == 0)
		r = read_resident(key, &list->creds[list->n]);
	if (r == 0) {
		list->n++;
	} else if (r == FAIL_UNFINISHED) {
		log_debug(
		    "the resident key at 0x%08x is unfinished", key->index);
		r = 0;
	} else if (r == FAIL_HANDLE || r == FAIL_VERSION ||
	    r == FAIL_NOT_OURS || r == FAIL_NAME || r == FAIL_TPM) {
		log_info("passing over the resident key at 0x%08x: %s",
		    key->index, why_passed_over(r));
		r = 0;
	}
	return r;
}

int
resident_credentials_list(
    const struct config *cfg, struct resident_credentials *ret)
{
	struct resident_credentials list = { 0 };
	struct resident_keys keys = { 0 };
	struct tpm *tpm = NULL;
	int r;

	if ((r = tpm_open(cfg->tcti, &tpm)) != 0 ||
	    (r = guard_begin(tpm, cfg)) != 0 ||
	    (r = resident_list(tpm, &keys)) != 0)
		goto out;
	list.creds = calloc(keys.n + 1, sizeof(*list.creds));
	if (list.creds == NULL)
		r = fail(FAIL_MEMORY, "out of memory");
	for (size_t i = 0; i < keys.n && r == 0; i++)
		r = append_resident(&keys.keys[i], &list);
	if (r == 0) {
		*ret = list;
		list = (struct resident_credentials){ 0 };
	}
out:
	tpm_close(tpm);
	resident_keys_reset(&keys);
	resident_credentials_reset(&list);
	return r;
}

void
resident_credentials_reset(struct resident_credentials *list)
{
	for (size_t i = 0; i < list->n; i++) {
		bytes_reset(&list->creds[i].key_handle);
		bytes_reset(&list->creds[i].user);
		free(list->creds[i].application);
	}
	free(list->creds);
	*list = (struct resident_credentials){ 0 };
}
