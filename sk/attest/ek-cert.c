/* SPDX-License-Identifier: ISC */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <string.h>

#include "attest/ek-cert.h"
#include "base/error.h"
#include "base/log.h"

static int
damaged(const char *how)
{
	return fail(FAIL_ARGUMENT, "the certificate %s", how);
}

/*
 * How long the DER sequence is that `in` begins with, head included; 0 where
 * there is none. The length is in one byte, or in one or two that follow it.
 */
static size_t
sequence_len(struct slice in)
{
	const uint8_t *p = in.data;

	if (in.len < 2 || p[0] != 0x30)
		return 0;
	if (p[1] < 0x80)
		return 2 + (size_t)p[1];
	if (p[1] == 0x81 && in.len > 2)
		return 3 + (size_t)p[2];
	if (p[1] == 0x82 && in.len > 3)
		return 4 + ((size_t)p[2] << 8 | p[3]);
	return 0;
}

static bool
is_padding(uint8_t byte)
{
	return byte == 0x00 || byte == 0xff;
}

int
ek_cert_next(struct slice *in, struct slice *ret)
{
	size_t len;

	while (in->len > 0 && is_padding(in->data[0])) {
		in->data++;
		in->len--;
	}
	if (in->len == 0) {
		*ret = (struct slice){ 0 };
		return 0;
	}
	if ((len = sequence_len(*in)) == 0)
		return damaged("is not X.509 in DER");
	if (len > in->len)
		return damaged("is cut off");
	*ret = (struct slice){ in->data, len };
	in->data += len;
	in->len -= len;
	return 0;
}

/* Where 10 01 00 and a length, or 10 01 and a length, are before a sequence. */
static size_t
wrapper_len(struct slice in)
{
	if (in.len < 6 || in.data[0] != 0x10 || in.data[1] != 0x01)
		return 0;
	return in.data[2] == 0x00 && in.data[5] == 0x30 ? 5 : 4;
}

int
ek_cert_unwrap(struct slice in, struct slice *ret)
{
	const size_t head = wrapper_len(in);
	struct slice rest = { in.data + head, in.len - head }, cert;
	int r;

	if (in.len == 0 || in.len > EK_CERT_MAX_LEN || is_padding(in.data[0]))
		return damaged("is not X.509 in DER");
	if ((r = ek_cert_next(&rest, &cert)) != 0)
		return r;
	if (head > 0 &&
	    cert.len != ((size_t)in.data[head - 2] << 8 | in.data[head - 1]))
		return damaged("has another length than its wrapper says");
	for (size_t i = 0; i < rest.len; i++)
		if (!is_padding(rest.data[i]))
			return damaged("has something else behind it");
	*ret = cert;
	return 0;
}

/* --- whose it is ------------------------------------------------------- */

#if OPENSSL_VERSION_NUMBER < 0x30000000L
#define EVP_PKEY_eq EVP_PKEY_cmp
#endif

/* The key's own part of a SubjectPublicKeyInfo: behind its algorithm. */
static bool
same_rsa(X509_PUBKEY *theirs, X509_PUBKEY *ours)
{
	const unsigned char *a, *b;
	ASN1_OBJECT *algorithm;
	int a_len, b_len, nid;

	if (X509_PUBKEY_get0_param(&algorithm, &a, &a_len, NULL, theirs) != 1 ||
	    X509_PUBKEY_get0_param(NULL, &b, &b_len, NULL, ours) != 1)
		return false;
	nid = OBJ_obj2nid(algorithm);
	return (nid == NID_rsaEncryption || nid == NID_rsaesOaep) &&
	    a_len == b_len && memcmp(a, b, (size_t)a_len) == 0;
}

static bool
same_ecc(X509_PUBKEY *theirs, X509_PUBKEY *ours)
{
	EVP_PKEY *a = X509_PUBKEY_get0(theirs), *b = X509_PUBKEY_get0(ours);

	return a != NULL && b != NULL && EVP_PKEY_eq(a, b) == 1;
}

int
ek_cert_check_key(struct slice cert, const struct ek_public *ek)
{
	const unsigned char *p = cert.data, *q;
	struct bytes spki = { 0 };
	X509_PUBKEY *theirs, *ours = NULL;
	X509 *x509;
	int r;

	x509 = d2i_X509(NULL, &p, (long)cert.len);
	if (x509 == NULL || p != cert.data + cert.len) {
		r = damaged("is not X.509 in DER");
		goto out;
	}
	if ((r = ek_public_spki(ek, &spki)) != 0)
		goto out;
	q = spki.data;
	theirs = X509_get_X509_PUBKEY(x509);
	ours = d2i_X509_PUBKEY(NULL, &q, (long)spki.len);
	if (theirs == NULL || ours == NULL ||
	    !(ek_public_is_rsa(ek) ? same_rsa(theirs, ours)
				   : same_ecc(theirs, ours)))
		r = damaged("is of another key");
out:
	ERR_clear_error();
	X509_free(x509);
	X509_PUBKEY_free(ours);
	bytes_reset(&spki);
	return r;
}
