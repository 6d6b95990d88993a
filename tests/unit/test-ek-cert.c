/* SPDX-License-Identifier: ISC */
/* Endorsement keys and certificates of TPMs that swtpm_setup made. */
#include "unit.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "attest/ek-cert.h"
#include "attest/machine-id.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/log.h"
#include "corpus.h"

/* A file of the corpus: a public area, and a certificate behind it. */
struct sample {
	uint8_t data[4096];
	size_t len, public_len;
};

static void
take(const char *name, struct sample *ret)
{
	struct slice s = corpus_read_of("ek", name);

	assert_true(s.len < sizeof(ret->data));
	memcpy(ret->data, s.data, s.len);
	ret->len = s.len;
	ret->public_len = 2 + ((size_t)s.data[0] << 8 | s.data[1]);
	assert_true(ret->public_len <= ret->len);
}

static struct slice
public_of(const struct sample *s)
{
	return (struct slice){ s->data, s->public_len };
}

static struct slice
cert_of(const struct sample *s)
{
	return (
	    struct slice){ s->data + s->public_len, s->len - s->public_len };
}

/* SHA256: and what `openssl dgst` says of the certificate's key. */
static void
id_by_openssl(struct slice cert, char ret[MACHINE_ID_LEN + 1])
{
	const unsigned char *p = cert.data;
	X509 *x509 = d2i_X509(NULL, &p, (long)cert.len);
	unsigned char *spki = NULL;
	uint8_t digest[32];
	int len;

	assert_non_null(x509);
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
	assert_true(len > 0);
	assert_int_equal(
	    EVP_Digest(spki, (size_t)len, digest, NULL, EVP_sha256(), NULL), 1);
	strcpy(ret, "SHA256:");
	base64_encode((struct slice){ digest, 32 }, ret + 7);
	OPENSSL_free(spki);
	X509_free(x509);
}

static void
test_id_and_certificate(void **state)
{
	static const char *const files[] = { "rsa2048", "rsa2048-wrapped",
		"rsa3072-padded", "p384-wrapped-short" };
	char id[MACHINE_ID_LEN + 1], openssl_id[MACHINE_ID_LEN + 1];
	struct ek_public ek;
	struct slice cert;
	struct sample s;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		take(files[i], &s);
		assert_int_equal(ek_public_parse(public_of(&s), &ek), 0);
		assert_int_equal(ek_cert_unwrap(cert_of(&s), &cert), 0);
		assert_int_equal(ek_cert_check_key(cert, &ek), 0);
		assert_int_equal(machine_id(&ek, id), 0);
		id_by_openssl(cert, openssl_id);
		assert_string_equal(id, openssl_id);
	}
	take("p256-other", &s);
	assert_int_equal(ek_public_parse(public_of(&s), &ek), 0);
	assert_int_equal(ek_cert_check_key(cert_of(&s), &ek), FAIL_ARGUMENT);
	assert_string_equal(log_cause(), "the certificate is of another key");
}

static void
test_odd_certificates(void **state)
{
	struct slice in, cert;
	struct ek_public ek;
	struct sample s;
	uint8_t *p;

	(void)state;
	take("rsa2048-wrapped", &s);
	p = s.data + s.public_len;
	in = cert_of(&s);
	p[4]++;
	assert_int_equal(ek_cert_unwrap(in, &cert), FAIL_ARGUMENT);
	p[4]--;
	for (size_t len = 0; len < in.len; len++)
		assert_int_equal(
		    ek_cert_unwrap((struct slice){ in.data, len }, &cert),
		    FAIL_ARGUMENT);
	p[in.len] = 0xff;
	p[in.len + 1] = 0x00;
	assert_int_equal(
	    ek_cert_unwrap((struct slice){ p, in.len + 2 }, &cert), 0);
	p[in.len + 1] = 0x01;
	assert_int_equal(ek_cert_unwrap((struct slice){ p, in.len + 2 }, &cert),
	    FAIL_ARGUMENT);
	/* In the length, and in what it holds. */
	assert_int_equal(ek_public_parse(public_of(&s), &ek), 0);
	assert_int_equal(ek_cert_check_key(in, &ek), FAIL_ARGUMENT);
	assert_int_equal(ek_cert_unwrap(in, &cert), 0);
	assert_int_equal(
	    ek_cert_check_key((struct slice){ cert.data, cert.len - 1 }, &ek),
	    FAIL_ARGUMENT);
	p[5 + 60] ^= 0xff;
	assert_int_equal(ek_cert_check_key(cert, &ek), FAIL_ARGUMENT);
}

static void
test_chain(void **state)
{
	struct slice rest, cert;
	struct sample s;
	int n = 0;

	(void)state;
	take("p256-chain", &s);
	rest = cert_of(&s);
	while (ek_cert_next(&rest, &cert) == 0 && cert.len > 0)
		n++;
	assert_int_equal(n, 2);
	assert_int_equal(rest.len, 0);
	take("p384-cut", &s);
	rest = cert_of(&s);
	assert_int_equal(ek_cert_next(&rest, &cert), FAIL_ARGUMENT);
	assert_string_equal(log_cause(), "the certificate is cut off");
}

/* Short ones have their lengths in fewer bytes. */
static void
test_der_lengths(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		bool good;
	} cases[] = {
		{ "\x30\x01\x05", 3, true },
		{ "\x30\x81\x01\x05", 4, true },
		{ "\x30\x82\x00\x01\x05", 5, true },
		{ "\x30\x83\x00\x00\x01\x05", 6, false },
		{ "\x30\x80", 2, false },
		{ "\x30\x81", 2, false },
		{ "\x30\x82\x00", 3, false },
		{ "\x30", 1, false },
		{ "\x31\x00", 2, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice cert,
		    in = { (const uint8_t *)cases[i].bytes, cases[i].n };

		assert_int_equal(ek_cert_next(&in, &cert),
		    cases[i].good ? 0 : FAIL_ARGUMENT);
	}
}

static void
test_ids(void **state)
{
	static const char digest[] =
	    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
	char id[80];

	(void)state;
	snprintf(id, sizeof(id), "SHA256:%s", digest);
	assert_true(machine_id_is_wellformed(id));
	id[strlen(id) - 1] = '\0';
	assert_false(machine_id_is_wellformed(id));
	snprintf(id, sizeof(id), "sha256:%s", digest);
	assert_false(machine_id_is_wellformed(id));
	snprintf(id, sizeof(id), "SHA256:%s=", digest);
	assert_false(machine_id_is_wellformed(id));
	snprintf(id, sizeof(id), "SHA256:%s", digest);
	id[10] = '*';
	assert_false(machine_id_is_wellformed(id));
	id[10] = '=';
	assert_false(machine_id_is_wellformed(id));
	assert_false(machine_id_is_wellformed(""));
}

#define TEST_NAME "ek-cert"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_and_certificate),
		cmocka_unit_test(test_odd_certificates),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_der_lengths),
		cmocka_unit_test(test_ids),
	};

	return RUN(tests);
}
