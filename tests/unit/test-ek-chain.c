/* SPDX-License-Identifier: ISC */
/* Endorsement certificates, right ones and odd ones, made here by OpenSSL. */
#include "unit.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "attest/ek-chain.h"
#include "base/error.h"
#include "base/log.h"
#include "failing.h"

FAILING(void *, calloc, (size_t n, size_t size), (n, size), NULL)
FAILING(OPENSSL_STACK *, OPENSSL_sk_new_null, (void), (), NULL)
FAILING(OPENSSL_STACK *, OPENSSL_sk_dup, (const OPENSSL_STACK *s), (s), NULL)
FAILING(int, OPENSSL_sk_push, (OPENSSL_STACK * s, const void *p), (s, p), 0)
FAILING(BIO *, BIO_new_mem_buf, (const void *buf, int n), (buf, n), NULL)
FAILING(ASN1_OBJECT *, OBJ_txt2obj, (const char *s, int no_name), (s, no_name),
    NULL)
FAILING(int, ASN1_TIME_to_tm, (const ASN1_TIME *s, struct tm *tm), (s, tm), 0)
FAILING(X509_STORE *, X509_STORE_new, (void), (), NULL)
FAILING(X509_STORE_CTX *, X509_STORE_CTX_new, (void), (), NULL)
FAILING(int, X509_STORE_add_cert, (X509_STORE * s, X509 *x), (s, x), 0)

/* --- making certificates ----------------------------------------------- */

#define NOW 1790000000 /* in 2026 */
#define YEAR (365L * 24 * 3600)

#define EK_USE "extendedKeyUsage=2.23.133.8.1"
#define CA_EXTENSIONS \
	"basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign"

enum which_key {
	KEY_ROOT,
	KEY_OTHER_ROOT,
	KEY_ISSUER,
	KEY_OTHER_ISSUER,
	KEY_LEAF,
	KEY_RSA_LEAF,
	KEYS,
};

static EVP_PKEY *keys[KEYS];

struct spec {
	const char *subject, *issuer;
	enum which_key key, signer;
	long from, to; /* seconds from NOW; 0 and 0: a year before and after */
	const char *const *extensions; /* up to NULL, as in openssl.cnf */
	const char *not_after;	       /* in place of `to` */
	const EVP_MD *hash;	       /* NULL: SHA-256 */
	long serial;
	int algorithm; /* NID of the key's algorithm, if that is a lie */
};

static const char config[] = "[dir]\n0.2.23.133.2.1=id:4E544300\n";

static void
add_extension(X509 *cert, const char *text)
{
	char name[64], value[256];
	BIO *bio = BIO_new_mem_buf(config, -1);
	CONF *conf = NCONF_new(NULL);
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	assert_int_equal(sscanf(text, "%63[^=]=%255s", name, value), 2);
	assert_int_equal(NCONF_load_bio(conf, bio, NULL), 1);
	X509V3_set_ctx(&ctx, NULL, cert, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, conf);
	ext = X509V3_EXT_nconf(conf, &ctx, name, value);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
	NCONF_free(conf);
	BIO_free(bio);
}

static void
set_name(X509_NAME *name, const char *text)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
			     (const unsigned char *)text, -1, -1, 0),
	    1);
}

static X509 *
make(const struct spec *spec)
{
	const bool usual = spec->from == 0 && spec->to == 0;
	X509 *cert = X509_new();

	assert_int_equal(X509_set_version(cert, 2), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), spec->serial);
	ASN1_TIME_set(
	    X509_getm_notBefore(cert), NOW + (usual ? -YEAR : spec->from));
	ASN1_TIME_set(
	    X509_getm_notAfter(cert), NOW + (usual ? YEAR : spec->to));
	if (spec->not_after != NULL)
		assert_int_equal(ASN1_TIME_set_string(
				     X509_getm_notAfter(cert), spec->not_after),
		    1);
	set_name(X509_get_subject_name(cert), spec->subject);
	set_name(X509_get_issuer_name(cert), spec->issuer);
	assert_int_equal(X509_set_pubkey(cert, keys[spec->key]), 1);
	if (spec->algorithm != 0) {
		X509_PUBKEY *key = X509_get_X509_PUBKEY(cert);
		const unsigned char *bits;
		unsigned char *copy;
		int len;

		X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, key);
		copy = OPENSSL_memdup(bits, (size_t)len);
		assert_int_equal(
		    X509_PUBKEY_set0_param(key, OBJ_nid2obj(spec->algorithm),
			V_ASN1_NULL, NULL, copy, len),
		    1);
	}
	for (size_t i = 0; spec->extensions != NULL && spec->extensions[i]; i++)
		add_extension(cert, spec->extensions[i]);
	assert_true(X509_sign(cert, keys[spec->signer],
			spec->hash != NULL ? spec->hash : EVP_sha256()) > 0);
	return cert;
}

static const char *const of_ca[] = { CA_EXTENSIONS, NULL };
static const char *const of_ek[] = { EK_USE, NULL };

static const struct spec root = { .subject = "root",
	.issuer = "root",
	.key = KEY_ROOT,
	.signer = KEY_ROOT,
	.extensions = of_ca };
/* Of the same name, with another key. */
static const struct spec other_root = { .subject = "root",
	.issuer = "root",
	.key = KEY_OTHER_ROOT,
	.signer = KEY_OTHER_ROOT,
	.extensions = of_ca };
static const struct spec issuer = { .subject = "issuer",
	.issuer = "root",
	.key = KEY_ISSUER,
	.signer = KEY_ROOT,
	.extensions = of_ca };
static const struct spec leaf = { .subject = "leaf",
	.issuer = "issuer",
	.key = KEY_LEAF,
	.signer = KEY_ISSUER,
	.extensions = of_ek };

static int
make_keys(void **state)
{
	(void)state;
	for (enum which_key k = 0; k < KEYS; k++) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(
		    k == KEY_RSA_LEAF ? EVP_PKEY_RSA : EVP_PKEY_EC, NULL);

		assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
		if (k == KEY_RSA_LEAF)
			assert_true(
			    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) > 0);
		else
			assert_true(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(
					ctx, NID_X9_62_prime256v1) > 0);
		assert_int_equal(EVP_PKEY_keygen(ctx, &keys[k]), 1);
		EVP_PKEY_CTX_free(ctx);
	}
	return 0;
}

static int
forget_keys(void **state)
{
	(void)state;
	for (enum which_key k = 0; k < KEYS; k++)
		EVP_PKEY_free(keys[k]);
	return 0;
}

/* --- roots and chains -------------------------------------------------- */

static void
put_pem(BIO *out, const struct spec *spec)
{
	X509 *cert = make(spec);

	assert_int_equal(PEM_write_bio_X509(out, cert), 1);
	X509_free(cert);
}

/* A bundle of these, up to NULL. */
static int
add_roots(struct ek_roots *roots, enum ek_marking marking,
    const struct spec *const *specs)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *pem;
	long len;
	int r;

	for (; *specs != NULL; specs++)
		put_pem(out, *specs);
	len = BIO_get_mem_data(out, &pem);
	r = ek_roots_add(roots,
	    (struct slice){ (const uint8_t *)pem, (size_t)len }, marking);
	BIO_free(out);
	return r;
}

static struct slice
make_der(const struct spec *spec)
{
	X509 *cert = make(spec);
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);

	assert_true(len > 0);
	X509_free(cert);
	return (struct slice){ der, (size_t)len };
}

static void
free_der(struct slice der)
{
	union {
		const uint8_t *in;
		uint8_t *out;
	} p = { .in = der.data };

	OPENSSL_free(p.out);
}

static int
verify_at(
    const struct ek_roots *roots, const struct spec *const *specs, int64_t when)
{
	struct slice certs[8] = { 0 };
	size_t n = 0;
	int r;

	for (; specs[n] != NULL; n++)
		certs[n] = make_der(specs[n]);
	r = ek_chain_verify(roots, certs, n, when);
	while (n > 0)
		free_der(certs[--n]);
	return r;
}

/* Leaf, issuer and root, with such a root. */
static int
verify_with(const struct spec *l, const struct spec *i, const struct spec *rt,
    enum ek_marking marking)
{
	const struct spec *const in_bundle[] = { rt, NULL };
	const struct spec *const sent[] = { l, i, NULL };
	struct ek_roots *roots;
	int r;

	assert_int_equal(ek_roots_new(&roots), 0);
	assert_int_equal(add_roots(roots, marking, in_bundle), 0);
	r = verify_at(roots, sent, NOW);
	ek_roots_free(roots);
	return r;
}

static int
verify(const struct spec *l)
{
	return verify_with(l, &issuer, &root, EK_MARKED);
}

static void
refused(int r, const char *why)
{
	assert_int_equal(r, FAIL_EK_CERTIFICATE);
	if (strstr(log_cause(), why) == NULL)
		FAIL_MSG("not \"%s\": %s", why, log_cause());
}

/* --- tests ------------------------------------------------------------- */

static void
test_right_one(void **state)
{
	(void)state;
	assert_int_equal(verify(&leaf), 0);
}

static void
test_directly_below_a_root(void **state)
{
	const struct spec *const in_bundle[] = { &root, NULL };
	struct spec l = leaf;
	const struct spec *const sent[] = { &l, NULL };
	struct ek_roots *roots;

	(void)state;
	l.issuer = "root";
	l.signer = KEY_ROOT;
	assert_int_equal(ek_roots_new(&roots), 0);
	assert_int_equal(add_roots(roots, EK_MARKED, in_bundle), 0);
	assert_int_equal(verify_at(roots, sent, NOW), 0);
	ek_roots_free(roots);
}

static void
test_extensions_of_the_leaf(void **state)
{
	static const struct {
		const char *extensions[3];
		enum which_key key;
		const char *why; /* NULL: it is right */
	} cases[] = {
		{ { "extendedKeyUsage=critical,2.23.133.8.1" }, KEY_LEAF,
		    NULL },
		{ { "extendedKeyUsage=serverAuth,2.23.133.8.1" }, KEY_LEAF,
		    NULL },
		{ { "extendedKeyUsage=serverAuth" }, KEY_LEAF,
		    "not one of an" },
		{ { "extendedKeyUsage=2.23.133.8.3" }, KEY_LEAF,
		    "not one of an" },
		{ { "extendedKeyUsage=anyExtendedKeyUsage" }, KEY_LEAF,
		    "not one of an" },
		{ { "keyUsage=keyAgreement" }, KEY_LEAF, "not one of an" },
		{ { EK_USE, "keyUsage=keyAgreement" }, KEY_LEAF, NULL },
		{ { EK_USE, "keyUsage=keyEncipherment" }, KEY_LEAF,
		    "not to receive secrets" },
		{ { EK_USE, "keyUsage=digitalSignature" }, KEY_LEAF,
		    "not to receive secrets" },
		{ { EK_USE, "keyUsage=critical,keyEncipherment" }, KEY_RSA_LEAF,
		    NULL },
		{ { EK_USE, "keyUsage=keyAgreement" }, KEY_RSA_LEAF,
		    "not to receive secrets" },
		{ { EK_USE, "basicConstraints=critical,CA:FALSE" }, KEY_LEAF,
		    NULL },
		/* FALSE, written although it is the default */
		{ { EK_USE, "basicConstraints=DER:3003010100" }, KEY_LEAF,
		    NULL },
		{ { EK_USE, "basicConstraints=CA:TRUE" }, KEY_LEAF,
		    "that of a CA" },
		{ { EK_USE, "subjectAltName=critical,dirName:dir" },
		    KEY_RSA_LEAF, NULL },
		/* subjectDirectoryAttributes, the TPM's specification */
		{ { EK_USE,
		      "2.5.29.9=critical,DER:301930170605678105021031"
		      "0e300c0c03322e3002010002020083" },
		    KEY_LEAF, NULL },
		{ { EK_USE, "1.2.3.4=critical,DER:0500" }, KEY_LEAF,
		    "unhandled critical extension, at depth 0" },
		{ { EK_USE, "1.2.3.4=DER:0500" }, KEY_LEAF, NULL },
		{ { EK_USE, "basicConstraints=DER:0500" }, KEY_LEAF,
		    "damaged extension" },
		{ { EK_USE, EK_USE }, KEY_LEAF, "damaged extension" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spec l = leaf;

		l.extensions = cases[i].extensions;
		l.key = cases[i].key;
		if (cases[i].why == NULL)
			assert_int_equal(verify(&l), 0);
		else
			refused(verify(&l), cases[i].why);
	}
}

/* Both an extension that is known and one that is not. */
static void
test_known_and_unknown(void **state)
{
	const char *const extensions[] = { EK_USE, "2.5.29.9=critical,DER:3000",
		"1.2.3.4=critical,DER:0500", NULL };
	struct spec l = leaf;

	(void)state;
	l.extensions = extensions;
	refused(verify(&l), "unhandled critical extension");
}

static void
test_roots_of_unmarked_keys(void **state)
{
	const char *const none[] = { NULL };
	const char *const tls[] = { "extendedKeyUsage=serverAuth", NULL };
	struct spec l = leaf;

	(void)state;
	assert_int_equal(verify_with(&l, &issuer, &root, EK_UNMARKED), 0);
	l.extensions = none;
	assert_int_equal(verify_with(&l, &issuer, &root, EK_UNMARKED), 0);
	refused(verify_with(&l, &issuer, &root, EK_MARKED), "not one of an");
	l.extensions = tls;
	refused(verify_with(&l, &issuer, &root, EK_UNMARKED), "not one of an");
}

static void
test_times(void **state)
{
	struct spec l = leaf, i = issuer, rt = root;

	(void)state;
	l.from = -YEAR;
	l.to = -1;
	refused(verify(&l), "not valid at present");
	l.from = 1;
	l.to = YEAR;
	refused(verify(&l), "not valid at present");
	l.from = -YEAR;
	l.not_after = "99991231235959Z";
	assert_int_equal(verify(&l), 0);
	/* Issuers that have expired since. */
	i.from = rt.from = -2 * YEAR;
	i.to = rt.to = -YEAR / 2;
	assert_int_equal(verify_with(&l, &i, &rt, EK_MARKED), 0);
	/* And before. */
	i.to = -YEAR - 1;
	refused(verify_with(&l, &i, &root, EK_MARKED), "none of the roots");
	i.to = YEAR;
	rt.to = -YEAR - 1;
	refused(verify_with(&l, &i, &rt, EK_MARKED), "none of the roots");
	/* Or that were made later. */
	i.from = -YEAR + 1;
	refused(verify_with(&l, &i, &root, EK_MARKED), "none of the roots");
}

static void
test_serials(void **state)
{
	struct spec l = leaf;

	(void)state;
	l.serial = -5;
	assert_int_equal(verify(&l), 0);
}

/* Two roots have one name, and no identifiers of their keys. */
static void
test_roots_of_one_name(void **state)
{
	const struct spec *const bundle[] = { &other_root, &root, NULL };
	const struct spec *const sent[] = { &leaf, &issuer, NULL };
	const struct spec *const other[] = { &other_root, NULL };
	struct ek_roots *roots;

	(void)state;
	assert_int_equal(ek_roots_new(&roots), 0);
	assert_int_equal(add_roots(roots, EK_MARKED, bundle), 0);
	assert_int_equal(ek_roots_count(roots), 2);
	assert_int_equal(verify_at(roots, sent, NOW), 0);
	ek_roots_free(roots);
	assert_int_equal(ek_roots_new(&roots), 0);
	assert_int_equal(add_roots(roots, EK_UNMARKED, other), 0);
	assert_int_equal(ek_roots_count(roots), 1);
	refused(verify_at(roots, sent, NOW), "issued by \"/CN=issuer\"");
	ek_roots_free(roots);
}

/* An issuer of the name that leads nowhere comes first. */
static void
test_issuers_of_one_name(void **state)
{
	const struct spec *const bundle[] = { &root, NULL };
	struct spec lost = issuer, wrong = issuer;
	const struct spec *const sent[] = { &leaf, &wrong, &lost, &issuer,
		NULL };
	struct ek_roots *roots;

	(void)state;
	lost.issuer = "nobody";
	lost.signer = KEY_OTHER_ROOT;
	wrong.key = KEY_OTHER_ISSUER;
	assert_int_equal(ek_roots_new(&roots), 0);
	assert_int_equal(add_roots(roots, EK_MARKED, bundle), 0);
	assert_int_equal(verify_at(roots, sent, NOW), 0);
	ek_roots_free(roots);
}

/* Two that have signed each other. */
static void
test_circle(void **state)
{
	const struct spec *const bundle[] = { &root, NULL };
	struct spec a = issuer, b = issuer;
	const struct spec *const sent[] = { &leaf, &a, &b, NULL };
	struct ek_roots *roots;

	(void)state;
	a.issuer = "b";
	a.signer = KEY_OTHER_ISSUER;
	b.subject = "b";
	b.issuer = "issuer";
	b.key = KEY_OTHER_ISSUER;
	b.signer = KEY_ISSUER;
	assert_int_equal(ek_roots_new(&roots), 0);
	assert_int_equal(add_roots(roots, EK_MARKED, bundle), 0);
	refused(verify_at(roots, sent, NOW), "none of the roots");
	ek_roots_free(roots);
}

/* A bundle has the issuer that the machine does not send. */
static void
test_issuer_in_the_bundle(void **state)
{
	const struct spec *const bundle[] = { &issuer, &root, NULL };
	const struct spec *const sent[] = { &leaf, NULL };
	struct ek_roots *roots;

	(void)state;
	assert_int_equal(ek_roots_new(&roots), 0);
	assert_int_equal(add_roots(roots, EK_MARKED, bundle), 0);
	assert_int_equal(ek_roots_count(roots), 1);
	assert_int_equal(verify_at(roots, sent, NOW), 0);
	ek_roots_free(roots);
}

/* What the machine sends is no root, even where it is signed by itself. */
static void
test_root_from_the_machine(void **state)
{
	const struct spec *const bundle[] = { &other_root, NULL };
	const struct spec *const sent[] = { &leaf, &issuer, &root, NULL };
	struct ek_roots *roots;

	(void)state;
	assert_int_equal(ek_roots_new(&roots), 0);
	assert_int_equal(add_roots(roots, EK_MARKED, bundle), 0);
	refused(verify_at(roots, sent, NOW), "none of the roots");
	ek_roots_free(roots);
}

static void
test_issuers_that_are_none(void **state)
{
	const char *const no_ca[] = { "basicConstraints=CA:FALSE", NULL };
	const char *const no_path[] = { "basicConstraints=CA:TRUE,pathlen:0",
		"keyUsage=keyCertSign", NULL };
	struct spec i = issuer, rt = root, sha1 = leaf;

	(void)state;
	i.extensions = no_ca;
	refused(verify_with(&leaf, &i, &root, EK_MARKED), "does not verify");
	rt.extensions = no_path;
	refused(verify_with(&leaf, &issuer, &rt, EK_MARKED), "does not verify");
	sha1.hash = EVP_sha1();
	refused(verify(&sha1), "too weak");
}

static void
test_oaep(void **state)
{
	struct spec l = leaf;

	(void)state;
	l.key = KEY_RSA_LEAF;
	assert_int_equal(verify(&l), 0);
	l.algorithm = NID_rsaesOaep;
	refused(verify(&l), "name the machine by its id");
}

static void
test_damaged(void **state)
{
	const struct spec *const bundle[] = { &root, &issuer, NULL };
	struct slice der = make_der(&leaf);
	uint8_t *longer = malloc(der.len + 1);
	struct slice certs[2] = { { longer, der.len }, { longer, der.len } };
	struct ek_roots *roots;

	(void)state;
	memcpy(longer, der.data, der.len);
	longer[der.len] = 0;
	assert_int_equal(ek_roots_new(&roots), 0);
	assert_int_equal(add_roots(roots, EK_MARKED, bundle), 0);
	assert_int_equal(ek_chain_verify(roots, certs, 1, NOW), 0);
	certs[0].len = der.len + 1;
	refused(ek_chain_verify(roots, certs, 1, NOW), "certificate 1 of");
	for (certs[0].len = 0; certs[0].len < der.len; certs[0].len += 7)
		refused(ek_chain_verify(roots, certs, 1, NOW), "1 of");
	certs[0].len = der.len;
	certs[1].len = der.len - 1;
	refused(ek_chain_verify(roots, certs, 2, NOW), "certificate 2 of");
	refused(ek_chain_verify(roots, certs, 0, NOW), "missing");
	/* Of any other bit, it is the signature that tells. */
	for (size_t i = 0; i < der.len; i += 3) {
		longer[i] ^= 0x10;
		assert_int_not_equal(ek_chain_verify(roots, certs, 1, NOW), 0);
		longer[i] ^= 0x10;
	}
	ek_roots_free(roots);
	free(longer);
	free_der(der);
}

/* A date that says 30 February, say. */
static void
test_damaged_date(void **state)
{
	struct slice der = make_der(&leaf);
	uint8_t *copy = malloc(der.len);
	const struct spec *const bundle[] = { &root, &issuer, NULL };
	struct slice certs[1] = { { copy, der.len } };
	struct ek_roots *roots;
	uint8_t *date;

	(void)state;
	memcpy(copy, der.data, der.len);
	date = memmem(copy, der.len, "\x17\x0d", 2);
	assert_non_null(date);
	memcpy(date + 2, "259930", 6);
	assert_int_equal(ek_roots_new(&roots), 0);
	assert_int_equal(add_roots(roots, EK_MARKED, bundle), 0);
	assert_int_equal(
	    ek_chain_verify(roots, certs, 1, NOW), FAIL_EK_CERTIFICATE);
	ek_roots_free(roots);
	free(copy);
	free_der(der);
}

static void
test_bundles(void **state)
{
	static const char encrypted[] =
	    "-----BEGIN CERTIFICATE-----\n"
	    "Proc-Type: 4,ENCRYPTED\n"
	    "DEK-Info: AES-128-CBC,00000000000000000000000000000000\n\n"
	    "AAAAAAAAAAAAAAAAAAAAAA==\n"
	    "-----END CERTIFICATE-----\n";
	static const char *const bad[] = { "", "nothing\n", encrypted,
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\n" };
	struct ek_roots *roots;
	struct bytes text = { 0 };
	BIO *out = BIO_new(BIO_s_mem());
	char *pem;
	long len;

	(void)state;
	assert_int_equal(ek_roots_new(&roots), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    ek_roots_add(roots, slice_of_text(bad[i]), EK_MARKED),
		    FAIL_EK_CERTIFICATE);
	assert_int_equal(ek_roots_count(roots), 0);
	/* One that is good, and one that is not behind it. */
	put_pem(out, &root);
	len = BIO_get_mem_data(out, &pem);
	assert_int_equal(bytes_set(&text, pem, (size_t)len), 0);
	assert_int_equal(bytes_append(&text, bad[3], strlen(bad[3])), 0);
	refused(ek_roots_add(roots, bytes_slice(&text), EK_MARKED),
	    "certificate 2 of it is damaged");
	assert_int_equal(ek_roots_count(roots), 1);
	bytes_reset(&text);
	BIO_free(out);
	ek_roots_free(roots);
	ek_roots_free(NULL);
}

static int
all_of_it(struct slice pem, const struct slice *certs, size_t n)
{
	struct ek_roots *roots = NULL;
	int r;

	if ((r = ek_roots_new(&roots)) == 0 &&
	    (r = ek_roots_add(roots, pem, EK_MARKED)) == 0)
		r = ek_chain_verify(roots, certs, n, NOW);
	ek_roots_free(roots);
	return r;
}

static void
test_failures(void **state)
{
	struct slice certs[2] = { make_der(&leaf), make_der(&issuer) };
	BIO *out = BIO_new(BIO_s_mem());
	struct slice pem;
	char *data;
	int r;

	(void)state;
	put_pem(out, &root);
	put_pem(out, &issuer);
	pem.len = (size_t)BIO_get_mem_data(out, &data);
	pem.data = (const uint8_t *)data;
	EACH_FAILING(r = all_of_it(pem, certs, 2))
	assert_true(r == FAIL_MEMORY || r == FAIL_EK_CERTIFICATE);
	assert_int_equal(r, 0);
	BIO_free(out);
	free_der(certs[0]);
	free_der(certs[1]);
}

#define TEST_NAME "ek-chain"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right_one),
		cmocka_unit_test(test_directly_below_a_root),
		cmocka_unit_test(test_extensions_of_the_leaf),
		cmocka_unit_test(test_known_and_unknown),
		cmocka_unit_test(test_roots_of_unmarked_keys),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_roots_of_one_name),
		cmocka_unit_test(test_issuers_of_one_name),
		cmocka_unit_test(test_circle),
		cmocka_unit_test(test_issuer_in_the_bundle),
		cmocka_unit_test(test_root_from_the_machine),
		cmocka_unit_test(test_issuers_that_are_none),
		cmocka_unit_test(test_oaep),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_damaged_date),
		cmocka_unit_test(test_bundles),
		cmocka_unit_test(test_failures),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    TEST_NAME, tests, make_keys, forget_keys);
}
