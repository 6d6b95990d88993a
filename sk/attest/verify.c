/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <string.h>

#include "attest/verify.h"
#include "base/error.h"
#include "base/log.h"
#include "base/wire.h"
#include "key/template.h"
#include "ssh/sshkey.h"

/* Type, curve, point and application, and nothing else. */
static int
read_blob(struct slice in, struct ec_point *ret_point, struct slice *ret)
{
	struct slice type, curve, point, application;

	if (!wire_take_string(&in, &type) || !slice_is(type, SSHKEY_OUR_TYPE) ||
	    !wire_take_string(&in, &curve) || !slice_is(curve, "nistp256") ||
	    !wire_take_string(&in, &point) || point.len != P256_POINT_LEN ||
	    point.data[0] != 4 || !wire_take_string(&in, &application) ||
	    in.len != 0)
		return fail(FAIL_EVIDENCE,
		    "the public key is not of type " SSHKEY_OUR_TYPE);
	if (memchr(application.data, 0, application.len) != NULL)
		return fail(FAIL_EVIDENCE,
		    "the public key's application has a zero byte");
	memcpy(ret_point->x, point.data + 1, sizeof(ret_point->x));
	memcpy(ret_point->y, point.data + 33, sizeof(ret_point->y));
	*ret = application;
	return 0;
}

/* The application of the handle is a digest. */
static int
check_application(const struct handle *h, struct slice application)
{
	uint8_t hash[SHA256_LEN];
	int r;

	if ((r = sha256(application, hash)) != 0)
		return r;
	if (memcmp(hash, h->application, sizeof(hash)) != 0)
		return fail(FAIL_EVIDENCE,
		    "the public key is for another application than the key");
	return 0;
}

static int
check_point(const struct ec_point *point, const struct ec_point *in_blob)
{
	EVP_PKEY *pkey = NULL;
	int r;

	if (memcmp(point, in_blob, sizeof(*point)) != 0)
		return fail(FAIL_EVIDENCE,
		    "the public key is another than the key in the TPM");
	r = p256_pkey(point, &pkey);
	EVP_PKEY_free(pkey);
	return r;
}

/*
 * The size field is no part of what is hashed. That it is right is known, as
 * the template's is compared.
 */
static int
compute_name(struct slice public, uint8_t ret[TPM_NAME_LEN])
{
	return tpm_compute_name(
	    (struct slice){ public.data + 2, public.len - 2 }, ret);
}

int
verify_key(const struct evidence *evidence, struct verified_key *ret)
{
	struct verified_key key = { 0 };
	struct ec_point in_blob;
	int r;

	if ((r = handle_decode_bound(evidence->bound, &key.handle)) == 0 &&
	    (r = template_point(&key.handle, evidence->public, &key.point)) ==
		0 &&
	    (r = compute_name(evidence->public, key.name)) == 0 &&
	    (r = read_blob(evidence->blob, &in_blob, &key.application)) == 0 &&
	    (r = check_application(&key.handle, key.application)) == 0 &&
	    (r = check_point(&key.point, &in_blob)) == 0) {
		*ret = key;
		key = (struct verified_key){ 0 };
	}
	verified_key_reset(&key);
	return r;
}

void
verified_key_reset(struct verified_key *key)
{
	handle_reset(&key->handle);
	*key = (struct verified_key){ 0 };
}
