/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <tss2/tss2_mu.h>

#include "error.h"
#include "key.h"
#include "log.h"
#include "parent.h"

/*
 * noDA on a key without a PIN: the TPM would else refuse it for as long as
 * somebody else's wrong guesses have it locked out.
 */
static const TPM2B_PUBLIC template = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = TPMA_OBJECT_FIXEDTPM |
		    TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
		    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
		    TPMA_OBJECT_SIGN_ENCRYPT,
		.parameters.eccDetail = {
			.symmetric.algorithm = TPM2_ALG_NULL,
			.scheme = {
				.scheme = TPM2_ALG_ECDSA,
				.details.ecdsa.hashAlg = TPM2_ALG_SHA256,
			},
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
	},
};

/* The public area that a handle's key must have, but for its point. */
static int
expected_public(const struct handle *h, TPM2B_PUBLIC *ret)
{
	TPM2B_DIGEST *policy = &ret->publicArea.authPolicy;

	*ret = template;
	policy->size = HANDLE_BINDING_LEN;
	return handle_binding(h, policy->buffer);
}

/* --- reading the two TPM structures ------------------------------------ */

static int
altered(const char *what)
{
	return fail(FAIL_HANDLE, "the key handle was altered (%s)", what);
}

static int
marshal_public(const TPM2B_PUBLIC *public, struct bytes *ret)
{
	uint8_t buf[sizeof(TPM2B_PUBLIC)];
	TPM2B_PUBLIC copy = *public;
	size_t len = 0;

	copy.size = 0; /* the marshaller fills it in */
	if (Tss2_MU_TPM2B_PUBLIC_Marshal(&copy, buf, sizeof(buf), &len) !=
	    TSS2_RC_SUCCESS)
		return fail(FAIL_INTERNAL, "cannot marshal a public area");
	return bytes_set(ret, buf, len);
}

/*
 * Takes only the point from what the handle holds: the rest is built as we
 * would have made it, and has to give the same bytes. (tpm2-tss before 4.0
 * unmarshals some malformed structures; this does not depend on it.)
 */
static int
check_public(const struct handle *h, TPM2B_PUBLIC *ret)
{
	TPM2B_PUBLIC actual = { 0 }, expected;
	struct bytes again = { 0 };
	size_t used = 0;
	int r;

	if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(h->tpm_public.data,
		h->tpm_public.len, &used, &actual) != TSS2_RC_SUCCESS ||
	    actual.publicArea.type != TPM2_ALG_ECC)
		return altered("public area");
	if ((r = expected_public(h, &expected)) != 0)
		return r;
	expected.publicArea.unique = actual.publicArea.unique;
	if ((r = marshal_public(&expected, &again)) != 0)
		return r;
	if (slice_equal(bytes_slice(&again), bytes_slice(&h->tpm_public)))
		*ret = expected;
	else
		r = altered("attributes");
	bytes_reset(&again);
	return r;
}

static int
unmarshal_private(const struct bytes *in, TPM2B_PRIVATE *ret)
{
	size_t used = 0;

	*ret = (TPM2B_PRIVATE){ 0 };
	if (Tss2_MU_TPM2B_PRIVATE_Unmarshal(in->data, in->len, &used, ret) !=
		TSS2_RC_SUCCESS ||
	    used != in->len)
		return altered("private area");
	return 0;
}

static int
marshal_private(const TPM2B_PRIVATE *private, struct bytes *ret)
{
	uint8_t buf[sizeof(TPM2B_PRIVATE)];
	size_t len = 0;

	if (Tss2_MU_TPM2B_PRIVATE_Marshal(private, buf, sizeof(buf), &len) !=
	    TSS2_RC_SUCCESS)
		return fail(FAIL_INTERNAL, "cannot marshal a private area");
	return bytes_set(ret, buf, len);
}

/* A number of up to 32 bytes, padded in front. */
static int
pad_number(const TPM2B_ECC_PARAMETER *in, uint8_t ret[32])
{
	if (in->size > 32)
		return fail(FAIL_FORGED,
		    "the TPM returned a number of %u bytes for P-256",
		    in->size);
	memset(ret, 0, 32);
	memcpy(ret + 32 - in->size, in->buffer, in->size);
	return 0;
}

static int
read_point(const TPM2B_PUBLIC *public, struct ec_point *ret)
{
	struct ec_point point = { 0 };
	int r;

	if ((r = pad_number(&public->publicArea.unique.ecc.x, point.x)) != 0 ||
	    (r = pad_number(&public->publicArea.unique.ecc.y, point.y)) != 0)
		return r;
	*ret = point;
	return 0;
}

int
key_point(const struct handle *h, struct ec_point *ret)
{
	TPM2B_PUBLIC public;
	int r;

	if ((r = check_public(h, &public)) != 0)
		return r;
	return read_point(&public, ret);
}

/* --- in the TPM -------------------------------------------------------- */

/* Create and Load authorize the parent, with the empty password. */
static int
parent_fail(TSS2_RC rc, const char *doing)
{
	if (tpm_rc(rc) == TPM2_RC_BAD_AUTH || tpm_rc(rc) == TPM2_RC_AUTH_FAIL)
		return fail(FAIL_PARENT,
		    "the storage root key has a password of its own; sk-tpm "
		    "needs one with none, as the TCG has it");
	return tpm_fail(rc, doing);
}

static int
create_under(struct tpm *tpm, const struct parent *parent, struct handle *h,
    struct ec_point *ret_point)
{
	const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION pcrs = { 0 };
	struct tpm_retry retry = { 0 };
	TPM2B_PRIVATE *private = NULL;
	TPM2B_PUBLIC wanted, *public = NULL;
	TSS2_RC rc;
	int r;

	h->parent = parent->where;
	memcpy(h->parent_name, parent->name, sizeof(h->parent_name));
	h->auth = HANDLE_AUTH_NONE;
	if ((r = expected_public(h, &wanted)) != 0)
		return r;
	do
		rc =
		    Esys_Create(tpm_esys(tpm), parent->object, ESYS_TR_PASSWORD,
			ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &wanted,
			&outside, &pcrs, &private, &public, NULL, NULL, NULL);
	while (tpm_again(&retry, rc));
	if (rc != TSS2_RC_SUCCESS)
		r = parent_fail(rc, "create a key");
	else if ((r = marshal_public(public, &h->tpm_public)) == 0 &&
	    (r = marshal_private(private, &h->tpm_private)) == 0)
		r = key_point(h, ret_point);
	Esys_Free(private);
	Esys_Free(public);
	return r;
}

int
key_create(
    struct tpm *tpm, struct handle *ret_handle, struct ec_point *ret_point)
{
	struct parent parent = { .object = ESYS_TR_NONE };
	struct handle h = { 0 };
	int r;

	if ((r = parent_for_new(tpm, &parent)) != 0)
		return r;
	if ((r = create_under(tpm, &parent, &h, ret_point)) == 0) {
		*ret_handle = h;
		h = (struct handle){ 0 };
	}
	parent_close(tpm, &parent);
	handle_reset(&h);
	return r;
}

/* What Load says when the private area is not this parent's or public's. */
static bool
is_refused_blob(TSS2_RC rc)
{
	switch (tpm_rc(rc)) {
	case TPM2_RC_INTEGRITY:
	case TPM2_RC_BINDING:
	case TPM2_RC_SIZE:
	case TPM2_RC_VALUE:
	case TPM2_RC_KEY:
	case TPM2_RC_ECC_POINT:
	case TPM2_RC_INSUFFICIENT:
		return true;
	default:
		return false;
	}
}

static int
load(struct tpm *tpm, const struct handle *h, ESYS_TR *ret)
{
	struct parent parent = { .object = ESYS_TR_NONE };
	struct tpm_retry retry = { 0 };
	TPM2B_PRIVATE private;
	TPM2B_PUBLIC public;
	TSS2_RC rc;
	int r;

	if ((r = check_public(h, &public)) != 0 ||
	    (r = unmarshal_private(&h->tpm_private, &private)) != 0 ||
	    (r = parent_find(tpm, h->parent, h->parent_name, &parent)) != 0)
		return r;
	do
		rc = Esys_Load(tpm_esys(tpm), parent.object, ESYS_TR_PASSWORD,
		    ESYS_TR_NONE, ESYS_TR_NONE, &private, &public, ret);
	while (tpm_again(&retry, rc));
	if (is_refused_blob(rc))
		r = altered("the TPM refuses the private area");
	else if (rc != TSS2_RC_SUCCESS)
		r = parent_fail(rc, "load the key");
	/* Before the key is used: a manager would carry it along. */
	parent_close(tpm, &parent);
	return r;
}

static int
read_signature(const TPMT_SIGNATURE *sig, struct ec_signature *ret)
{
	struct ec_signature out = { 0 };
	int r;

	if (sig->sigAlg != TPM2_ALG_ECDSA)
		return fail(FAIL_FORGED,
		    "the TPM returned a signature of algorithm 0x%04x",
		    sig->sigAlg);
	if ((r = pad_number(&sig->signature.ecdsa.signatureR, out.r)) != 0 ||
	    (r = pad_number(&sig->signature.ecdsa.signatureS, out.s)) != 0)
		return r;
	*ret = out;
	return 0;
}

int
key_sign(struct tpm *tpm, const struct handle *h,
    const uint8_t digest[FIDO_DIGEST_LEN], struct ec_signature *ret)
{
	/* cppcheck-suppress legacyUninitvar; the rest is zero */
	const TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
	/* For keys that sign any digest: a ticket that certifies nothing. */
	const TPMT_TK_HASHCHECK ticket = {
		.tag = TPM2_ST_HASHCHECK,
		.hierarchy = TPM2_RH_NULL,
	};
	TPM2B_DIGEST in = { .size = FIDO_DIGEST_LEN };
	struct tpm_retry retry = { 0 };
	TPMT_SIGNATURE *sig = NULL;
	ESYS_TR key = ESYS_TR_NONE;
	TSS2_RC rc;
	int r;

	if ((r = load(tpm, h, &key)) != 0)
		return r;
	memcpy(in.buffer, digest, FIDO_DIGEST_LEN);
	do
		rc = Esys_Sign(tpm_esys(tpm), key, ESYS_TR_PASSWORD,
		    ESYS_TR_NONE, ESYS_TR_NONE, &in, &scheme, &ticket, &sig);
	while (tpm_again(&retry, rc));
	if (rc != TSS2_RC_SUCCESS)
		r = tpm_fail(rc, "sign");
	else
		r = read_signature(sig, ret);
	tpm_flush_last(tpm, &key);
	Esys_Free(sig);
	return r;
}
