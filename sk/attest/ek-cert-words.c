/* SPDX-License-Identifier: ISC */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "attest/ek-cert-words.h"
#include "base/error.h"

#define WORD_MAX 200

static int
add_name(struct text *t, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long n;

	if (bio == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0 &&
	    (n = BIO_get_mem_data(bio, &data)) > 0)
		text_add_escaped(t,
		    (struct slice){ (const uint8_t *)data, (size_t)n },
		    WORD_MAX);
	BIO_free(bio);
	return 0;
}

/* --- the maker --------------------------------------------------------- */

/* The value of an attribute of TCG's, 2.23.133.2.N; empty: there is none. */
static struct slice
value_of(const X509_NAME *name, const char *oid)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	int at = object == NULL ? -1
				: X509_NAME_get_index_by_OBJ(
				      (X509_NAME *)(uintptr_t)name, object, -1);
	const ASN1_STRING *value;

	ASN1_OBJECT_free(object);
	if (at < 0)
		return (struct slice){ 0 };
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	return (struct slice){ ASN1_STRING_get0_data(value),
		(size_t)ASN1_STRING_length(value) };
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* "id:494E5443" is "INTC": four characters of TCG's Vendor ID Registry. */
static void
add_vendor(struct text *t, struct slice id)
{
	uint8_t vendor[4];
	size_t n;

	if (id.len != 11 || memcmp(id.data, "id:", 3) != 0) {
		text_add_escaped(t, id, WORD_MAX);
		return;
	}
	for (size_t i = 0; i < 4; i++) {
		int high = hex_digit(id.data[3 + 2 * i]);
		int low = hex_digit(id.data[4 + 2 * i]);

		if (high < 0 || low < 0) {
			text_add_escaped(t, id, WORD_MAX);
			return;
		}
		vendor[i] = (uint8_t)(high << 4 | low);
	}
	/* Shorter ones are filled with zeros, or with spaces. */
	for (n = 4; n > 0 && (vendor[n - 1] == 0 || vendor[n - 1] == ' '); n--)
		;
	/* Some number themselves instead, as id:00001014. */
	for (size_t i = 0; i < n; i++)
		if (vendor[i] < ' ' || vendor[i] > '~')
			n = 0;
	text_add_escaped(t, n > 0 ? (struct slice){ vendor, n } : id, WORD_MAX);
}

static void
add_maker(struct text *t, const X509_NAME *name)
{
	struct slice vendor = value_of(name, "2.23.133.2.1");
	struct slice model = value_of(name, "2.23.133.2.2");
	struct slice version = value_of(name, "2.23.133.2.3");

	if (vendor.len == 0 || t->len > 0)
		return;
	add_vendor(t, vendor);
	if (model.len > 0) {
		text_add(t, ", model ");
		text_add_escaped(t, model, WORD_MAX);
	}
	if (version.len > 0) {
		text_add(t, ", version ");
		text_add_escaped(t, version, WORD_MAX);
	}
}

static void
find_maker(struct text *t, const X509 *cert)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DIRNAME)
			add_maker(t, name->d.directoryName);
	}
	GENERAL_NAMES_free(names);
}

static int
add_serial(struct text *t, const X509 *cert)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = n != NULL ? BN_bn2hex(n) : NULL;

	if (hex != NULL)
		text_add_escaped(t, slice_of_text(hex), WORD_MAX);
	OPENSSL_free(hex);
	BN_free(n);
	return hex != NULL ? 0 : fail(FAIL_MEMORY, "out of memory");
}

int
ek_cert_words(struct slice cert, struct ek_cert_words *ret)
{
	const unsigned char *p = cert.data;
	X509 *x509 = d2i_X509(NULL, &p, (long)cert.len);
	int r;

	*ret = (struct ek_cert_words){ 0 };
	if (x509 == NULL || p != cert.data + cert.len)
		r = fail(FAIL_ARGUMENT, "the certificate is not X.509 in DER");
	else if ((r = add_name(&ret->issuer, X509_get_issuer_name(x509))) ==
		0 &&
	    (r = add_name(&ret->subject, X509_get_subject_name(x509))) == 0 &&
	    (r = add_serial(&ret->serial, x509)) == 0)
		find_maker(&ret->maker, x509);
	X509_free(x509);
	ERR_clear_error();
	return r;
}
