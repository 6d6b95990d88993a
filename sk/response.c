/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "response.h"
#include "ssh/sshkey.h"

/* An empty field is NULL. */
static int
pack(const void *data, size_t len, uint8_t **ret, size_t *ret_len)
{
	if (len == 0)
		return 0;
	if ((*ret = malloc(len)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	memcpy(*ret, data, len);
	*ret_len = len;
	return 0;
}

static int
pack_bytes(const struct bytes *b, uint8_t **ret, size_t *ret_len)
{
	return pack(b->data, b->len, ret, ret_len);
}

static void
free_enroll_response(struct sk_enroll_response *resp)
{
	if (resp == NULL)
		return;
	free(resp->public_key);
	free(resp->key_handle);
	free(resp->signature);
	free(resp->attestation_cert);
	free(resp->authdata);
	free(resp);
}

static void
free_sign_response(struct sk_sign_response *resp)
{
	if (resp == NULL)
		return;
	free(resp->sig_r);
	free(resp->sig_s);
	free(resp);
}

int
response_of_credential(const struct credential *cred, uint8_t flags,
    struct sk_enroll_response **ret)
{
	struct sk_enroll_response *resp = calloc(1, sizeof(*resp));
	uint8_t point[P256_POINT_LEN];
	int r;

	if (resp == NULL)
		return fail(FAIL_MEMORY, "out of memory");
#if SK_API_MAJOR >= 9
	resp->flags = flags;
#else
	(void)flags;
#endif
	p256_encode_point(&cred->point, point);
	if ((r = pack(point, sizeof(point), &resp->public_key,
		 &resp->public_key_len)) != 0 ||
	    (r = pack_bytes(&cred->key_handle, &resp->key_handle,
		 &resp->key_handle_len)) != 0 ||
	    (r = pack_bytes(&cred->signature, &resp->signature,
		 &resp->signature_len)) != 0 ||
	    (r = pack_bytes(
		 &cred->authdata, &resp->authdata, &resp->authdata_len)) != 0)
		goto out;
	*ret = resp;
	resp = NULL;
out:
	free_enroll_response(resp);
	return r;
}

int
response_of_assertion(const struct assertion *a, struct sk_sign_response **ret)
{
	struct sk_sign_response *resp = calloc(1, sizeof(*resp));
	int r;

	if (resp == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	resp->flags = a->flags;
	resp->counter = FIDO_COUNTER;
	if ((r = pack(a->signature.r, sizeof(a->signature.r), &resp->sig_r,
		 &resp->sig_r_len)) != 0 ||
	    (r = pack(a->signature.s, sizeof(a->signature.s), &resp->sig_s,
		 &resp->sig_s_len)) != 0)
		goto out;
	*ret = resp;
	resp = NULL;
out:
	free_sign_response(resp);
	return r;
}

int
response_of_helper_key(
    const struct helper_key *key, struct sk_enroll_response **ret)
{
	struct sk_enroll_response *resp = calloc(1, sizeof(*resp));
	int r;

	if (resp == NULL)
		return fail(FAIL_MEMORY, "out of memory");
#if SK_API_MAJOR >= 9
	resp->flags = key->flags;
#endif
	if ((r = pack_bytes(&key->public_key, &resp->public_key,
		 &resp->public_key_len)) == 0 &&
	    (r = pack_bytes(&key->key_handle, &resp->key_handle,
		 &resp->key_handle_len)) == 0 &&
	    (r = pack_bytes(&key->signature, &resp->signature,
		 &resp->signature_len)) == 0 &&
	    (r = pack_bytes(&key->certificate, &resp->attestation_cert,
		 &resp->attestation_cert_len)) == 0 &&
	    (r = pack_bytes(
		 &key->authdata, &resp->authdata, &resp->authdata_len)) == 0) {
		*ret = resp;
		return 0;
	}
	free_enroll_response(resp);
	return r;
}

int
response_of_helper_signature(
    const struct helper_signature *sig, struct sk_sign_response **ret)
{
	struct sk_sign_response *resp = calloc(1, sizeof(*resp));
	int r;

	if (resp == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	resp->flags = sig->flags;
	resp->counter = sig->counter;
	if ((r = pack_bytes(&sig->r, &resp->sig_r, &resp->sig_r_len)) == 0 &&
	    (r = pack_bytes(&sig->s, &resp->sig_s, &resp->sig_s_len)) == 0) {
		*ret = resp;
		return 0;
	}
	free_sign_response(resp);
	return r;
}

static void
free_resident(struct sk_resident_key *rk)
{
	if (rk == NULL)
		return;
	free(rk->application);
	free(rk->key.public_key);
	free(rk->key.key_handle);
#if SK_API_MAJOR >= 9
	free(rk->user_id);
#endif
	free(rk);
}

static int
pack_resident(const struct resident_credential *cred, size_t slot,
    struct sk_resident_key **ret)
{
	struct sk_resident_key *rk = calloc(1, sizeof(*rk));
	uint8_t point[P256_POINT_LEN];
	int r;

	if (rk == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	rk->alg = SSH_SK_ECDSA;
	rk->slot = slot;
	rk->flags = (uint8_t)cred->flags;
#if SK_API_MAJOR >= 9
	rk->key.flags = rk->flags;
	r = pack_bytes(&cred->user, &rk->user_id, &rk->user_id_len);
	if (r != 0)
		goto out;
#endif
	p256_encode_point(&cred->point, point);
	if ((rk->application = strdup(cred->application)) == NULL) {
		r = fail(FAIL_MEMORY, "out of memory");
		goto out;
	}
	if ((r = pack(point, sizeof(point), &rk->key.public_key,
		 &rk->key.public_key_len)) != 0 ||
	    (r = pack_bytes(&cred->key_handle, &rk->key.key_handle,
		 &rk->key.key_handle_len)) != 0)
		goto out;
	*ret = rk;
	rk = NULL;
out:
	free_resident(rk);
	return r;
}

static bool
is_wanted(const struct resident_credential *cred, const char *user)
{
	return user == NULL ||
	    slice_equal(bytes_slice(&cred->user), slice_of_text(user));
}

/*
 * Who may write to the TPM may have put another key in the place of one. The
 * line has its fingerprint, which tells them apart.
 */
static int
say_handed_out(const struct resident_credential *cred)
{
	uint8_t digest[32];
	struct bytes blob = { 0 };
	struct text t = { 0 };
	int r;

	if ((r = sshkey_put_ours(&blob, &cred->point, cred->application)) != 0)
		goto out;
	if (!sshkey_fingerprint(bytes_slice(&blob), digest)) {
		r = fail(FAIL_INTERNAL, "no fingerprint");
		goto out;
	}
	text_add_quoted(&t, slice_of_text(cred->application), 64);
	if (cred->user.len > 0) {
		text_add(&t, ", user ");
		text_add_quoted(&t, bytes_slice(&cred->user), 64);
	}
	text_add(&t, ": ");
	text_add_fingerprint(&t, digest);
	log_info("the TPM's resident key for %s", t.s);
out:
	bytes_reset(&blob);
	return r;
}

int
response_of_residents(const struct resident_credentials *list, const char *user,
    struct sk_resident_key ***ret, size_t *ret_n)
{
	struct sk_resident_key **rks;
	size_t n = 0;
	int r = 0;

	if (list->n == 0)
		return 0;
	if ((rks = calloc(list->n, sizeof(*rks))) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	for (size_t i = 0; i < list->n && r == 0; i++)
		if (is_wanted(&list->creds[i], user) &&
		    (r = say_handed_out(&list->creds[i])) == 0 &&
		    (r = pack_resident(&list->creds[i], i, &rks[n])) == 0)
			n++;
	if (r != 0 || n == 0) {
		for (size_t i = 0; i < n; i++)
			free_resident(rks[i]);
		free(rks);
		return r;
	}
	*ret = rks;
	*ret_n = n;
	return 0;
}
