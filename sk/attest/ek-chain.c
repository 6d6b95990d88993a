/* SPDX-License-Identifier: ISC */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/ek-chain.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

/* tcg-kp-EKCertificate: TCG EK Credential Profile, "Extended Key Usage". */
#define EK_USAGE "2.23.133.8.1"

/* No SHA-1, no RSA of less than 2,048 bits: X509_VERIFY_PARAM_set_auth_level.
 */
#define AUTH_LEVEL 2

typedef STACK_OF(X509) x509_stack;

struct ek_roots {
	x509_stack *roots[2]; /* by enum ek_marking */
	x509_stack *issuers;
};

static int
fail_certificate(const char *what)
{
	return fail(
	    FAIL_EK_CERTIFICATE, "the endorsement certificate %s", what);
}

/* --- roots ------------------------------------------------------------- */

int
ek_roots_new(struct ek_roots **ret)
{
	struct ek_roots *roots = calloc(1, sizeof(*roots));

	if (roots == NULL ||
	    (roots->roots[EK_MARKED] = sk_X509_new_null()) == NULL ||
	    (roots->roots[EK_UNMARKED] = sk_X509_new_null()) == NULL ||
	    (roots->issuers = sk_X509_new_null()) == NULL) {
		ek_roots_free(roots);
		return fail(FAIL_MEMORY, "out of memory");
	}
	*ret = roots;
	return 0;
}

/* Else OpenSSL would ask for the passphrase of an encrypted one. */
static int
no_passphrase(char *buf, int size, int for_writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)for_writing;
	(void)arg;
	return -1;
}

static int
add_certificate(struct ek_roots *roots, X509 *cert, enum ek_marking marking)
{
	const bool is_root = (X509_get_extension_flags(cert) & EXFLAG_SS) != 0;

	if (sk_X509_push(
		is_root ? roots->roots[marking] : roots->issuers, cert) <= 0) {
		X509_free(cert);
		return fail(FAIL_MEMORY, "out of memory");
	}
	return 0;
}

int
ek_roots_add(struct ek_roots *roots, struct slice pem, enum ek_marking marking)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	size_t n = 0;
	X509 *cert;
	int r = 0;

	if (bio == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	while (r == 0 &&
	    (cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) !=
		NULL) {
		r = add_certificate(roots, cert, marking);
		n++;
	}
	if (r == 0 && n == 0)
		r = fail(FAIL_EK_CERTIFICATE, "no certificate in PEM is in it");
	else if (r == 0 &&
	    ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		r = fail(FAIL_EK_CERTIFICATE,
		    "certificate %zu of it is damaged", n + 1);
	ERR_clear_error();
	BIO_free(bio);
	return r;
}

size_t
ek_roots_count(const struct ek_roots *roots)
{
	return (size_t)sk_X509_num(roots->roots[EK_MARKED]) +
	    (size_t)sk_X509_num(roots->roots[EK_UNMARKED]);
}

void
ek_roots_free(struct ek_roots *roots)
{
	if (roots == NULL)
		return;
	sk_X509_pop_free(roots->roots[EK_MARKED], X509_free);
	sk_X509_pop_free(roots->roots[EK_UNMARKED], X509_free);
	sk_X509_pop_free(roots->issuers, X509_free);
	free(roots);
}

/* --- the certificate itself -------------------------------------------- */

/* A certificate that is in force begins before a time and ends after it. */
static bool
is_valid_at(X509 *cert, time_t when)
{
	return X509_cmp_time(X509_get0_notBefore(cert), &when) < 0 &&
	    X509_cmp_time(X509_get0_notAfter(cert), &when) > 0;
}

static bool
is_for_endorsement(X509 *cert, enum ek_marking marking)
{
	ASN1_OBJECT *wanted = OBJ_txt2obj(EK_USAGE, 1);
	EXTENDED_KEY_USAGE *usages =
	    X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	bool found = usages == NULL && marking == EK_UNMARKED;

	for (int i = 0; i < sk_ASN1_OBJECT_num(usages) && wanted != NULL; i++)
		if (OBJ_cmp(sk_ASN1_OBJECT_value(usages, i), wanted) == 0)
			found = true;
	EXTENDED_KEY_USAGE_free(usages);
	ASN1_OBJECT_free(wanted);
	return found;
}

/* What the key may be used for, where the certificate says it. */
static bool
may_get_credentials(X509 *cert, EVP_PKEY *key)
{
	const uint32_t wanted = EVP_PKEY_base_id(key) == EVP_PKEY_RSA
	    ? KU_KEY_ENCIPHERMENT
	    : KU_KEY_AGREEMENT;

	return (X509_get_extension_flags(cert) & EXFLAG_KUSAGE) == 0 ||
	    (X509_get_key_usage(cert) & wanted) != 0;
}

static int
check_leaf(X509 *cert, time_t now)
{
	const uint32_t flags = X509_get_extension_flags(cert);
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if ((flags & EXFLAG_INVALID) != 0)
		return fail_certificate("has a damaged extension");
	if ((flags & EXFLAG_CA) != 0)
		return fail_certificate("is that of a CA");
	/* OpenSSL does not go on with one that says RSAES-OAEP. */
	if (key == NULL)
		return fail_certificate(
		    "has a kind of key whose chain cannot be checked; name the "
		    "machine by its id");
	if (!may_get_credentials(cert, key))
		return fail_certificate(
		    "is for a key that is not to receive secrets");
	if (!is_valid_at(cert, now))
		return fail_certificate("is not valid at present");
	return 0;
}

/* --- its chain --------------------------------------------------------- */

/* A search for a root, from issuer to issuer. */
struct search {
	const struct ek_roots *roots;
	x509_stack *others; /* all issuers that there are */
	bool *tried;	    /* of others, for each to be tried once */
	time_t when;	    /* they have to be valid then */
	x509_stack *path;   /* from leaf to root, without both */
	X509 *root;
	enum ek_marking marking; /* of that root */
};

static bool
has_issued(X509 *issuer, X509 *cert, time_t when)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return key != NULL && X509_check_issued(issuer, cert) == X509_V_OK &&
	    is_valid_at(issuer, when) && X509_verify(cert, key) == 1;
}

static bool
find_root_of(struct search *s, X509 *cert)
{
	for (enum ek_marking m = EK_MARKED; m <= EK_UNMARKED; m++)
		for (int i = 0; i < sk_X509_num(s->roots->roots[m]); i++) {
			X509 *root = sk_X509_value(s->roots->roots[m], i);

			if (!has_issued(root, cert, s->when))
				continue;
			s->root = root;
			s->marking = m;
			return true;
		}
	return false;
}

/*
 * OpenSSL takes the first issuer of the right name and tries no other. But
 * makers have renewed CAs and kept their names.
 */
static bool
find_path(struct search *s, X509 *cert)
{
	if (find_root_of(s, cert))
		return true;
	for (int i = 0; i < sk_X509_num(s->others); i++) {
		X509 *issuer = sk_X509_value(s->others, i);

		if (s->tried[i] || !has_issued(issuer, cert, s->when))
			continue;
		s->tried[i] = true;
		if (sk_X509_push(s->path, issuer) <= 0)
			return false;
		if (find_path(s, issuer))
			return true;
		(void)sk_X509_pop(s->path);
	}
	return false;
}

/*
 * Extensions that OpenSSL does not process, and that change nothing for us.
 * The profile lets the subjectDirectoryAttributes, of the TPM's version, be
 * critical.
 */
static bool
is_known_critical(X509_EXTENSION *ext)
{
	return X509_supported_extension(ext) ||
	    OBJ_obj2nid(X509_EXTENSION_get_object(ext)) ==
	    NID_subject_directory_attributes;
}

static int
check_critical(int ok, X509_STORE_CTX *ctx)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(ctx);

	if (ok ||
	    X509_STORE_CTX_get_error(ctx) !=
		X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION)
		return ok;
	for (int i = 0; i < X509_get_ext_count(cert); i++) {
		X509_EXTENSION *ext = X509_get_ext(cert, i);

		if (X509_EXTENSION_get_critical(ext) && !is_known_critical(ext))
			return 0;
	}
	return 1;
}

/* By OpenSSL, with exactly what was found. */
static int
verify_path(const struct search *s, X509 *leaf)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int r = 0;

	if (store == NULL || ctx == NULL ||
	    X509_STORE_add_cert(store, s->root) != 1 ||
	    X509_STORE_CTX_init(ctx, store, leaf, s->path) != 1) {
		r = fail(FAIL_MEMORY, "out of memory");
		goto out;
	}
	X509_STORE_CTX_set_time(ctx, 0, s->when);
	X509_STORE_CTX_set_verify_cb(ctx, check_critical);
	X509_VERIFY_PARAM_set_auth_level(
	    X509_STORE_CTX_get0_param(ctx), AUTH_LEVEL);
	if (X509_verify_cert(ctx) != 1)
		r = fail(FAIL_EK_CERTIFICATE,
		    "the endorsement certificate's chain does not verify (%s, "
		    "at depth %d)",
		    X509_verify_cert_error_string(
			X509_STORE_CTX_get_error(ctx)),
		    X509_STORE_CTX_get_error_depth(ctx));
out:
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return r;
}

static int
fail_no_root(X509 *leaf)
{
	char *name = X509_NAME_oneline(X509_get_issuer_name(leaf), NULL, 0);
	struct text text = { 0 };

	text_add_quoted(&text, slice_of_text(name != NULL ? name : "?"), 256);
	OPENSSL_free(name);
	return fail(FAIL_EK_CERTIFICATE,
	    "the endorsement certificate leads to none of the roots; it was "
	    "issued by %s",
	    text.s);
}

static int
start_time(X509 *cert, time_t *ret)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notBefore(cert), &tm) != 1)
		return fail_certificate("has a damaged date");
	*ret = timegm(&tm);
	return 0;
}

static int
check_chain(const struct ek_roots *roots, X509 *leaf, x509_stack *others)
{
	struct search s = { .roots = roots, .others = others };
	int r;

	if ((r = start_time(leaf, &s.when)) != 0)
		return r;
	s.path = sk_X509_new_null();
	s.tried = calloc((size_t)sk_X509_num(others), sizeof(*s.tried));
	if (s.path == NULL || s.tried == NULL)
		r = fail(FAIL_MEMORY, "out of memory");
	else if (!find_path(&s, leaf))
		r = fail_no_root(leaf);
	else if ((r = verify_path(&s, leaf)) == 0 &&
	    !is_for_endorsement(leaf, s.marking))
		r = fail_certificate("is not one of an endorsement key");
	free(s.tried);
	sk_X509_free(s.path);
	return r;
}

/* --- reading ----------------------------------------------------------- */

static int
push_der(x509_stack *out, struct slice der)
{
	const unsigned char *p = der.data;
	X509 *cert = d2i_X509(NULL, &p, (long)der.len);

	if (cert == NULL || p != der.data + der.len) {
		X509_free(cert);
		return fail(FAIL_EK_CERTIFICATE,
		    "certificate %d of the chain is not X.509 in DER",
		    sk_X509_num(out) + 1);
	}
	if (sk_X509_push(out, cert) <= 0) {
		X509_free(cert);
		return fail(FAIL_MEMORY, "out of memory");
	}
	return 0;
}

int
ek_chain_verify(const struct ek_roots *roots, const struct slice *certs,
    size_t n, int64_t now)
{
	x509_stack *read = sk_X509_new_null(), *others = NULL;
	X509 *leaf;
	int r = 0;

	if (read == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	for (size_t i = 0; i < n && r == 0; i++)
		r = push_der(read, certs[i]);
	if (r != 0)
		goto out;
	if ((leaf = sk_X509_value(read, 0)) == NULL) {
		r = fail_certificate("is missing");
		goto out;
	}
	if ((r = check_leaf(leaf, (time_t)now)) != 0)
		goto out;
	if ((others = sk_X509_dup(read)) == NULL) {
		r = fail(FAIL_MEMORY, "out of memory");
		goto out;
	}
	for (int i = 0; i < sk_X509_num(roots->issuers) && r == 0; i++)
		if (sk_X509_push(others, sk_X509_value(roots->issuers, i)) <= 0)
			r = fail(FAIL_MEMORY, "out of memory");
	if (r == 0)
		r = check_chain(roots, leaf, others);
out:
	ERR_clear_error();
	sk_X509_free(others);
	sk_X509_pop_free(read, X509_free);
	return r;
}
