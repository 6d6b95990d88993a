/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <openssl/evp.h>

#include "corpus.h"
#include "invented.h"

static bool
parses(const struct invented *i, struct certificate *ret)
{
	struct bytes b = invent(i);
	/* No byte longer, so that ASan sees an over-read. */
	bool ok = certificate_parse(bytes_slice(&b), ret);

	bytes_reset(&b);
	return ok;
}

/* The digest of a plain key of so many fields "pk". */
static void
plain_digest(const char *name, unsigned int fields, uint8_t ret[32])
{
	struct bytes b = { 0 };

	put_text(&b, name);
	while (fields-- > 0)
		put_text(&b, "pk");
	assert_int_equal(
	    EVP_Digest(b.data, b.len, ret, NULL, EVP_sha256(), NULL), 1);
	bytes_reset(&b);
}

/*
 * `ssh-keygen -l` of OpenSSH 9.2 says of the key and of its certificate what is
 * behind "SHA256:" here. Both were made for this test.
 */
static const char fingerprint[] = "yihHRBILuPZ5D5Eg3a3E46oxbYknXlmzCkM/sxnm1cA";
static const char plain_key[] =
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBNe1G+1t"
    "bR8IsbUE1fJpPBqV/HQC3NTO843BRynEtDU3BF2SlrhnAnmUyfGINUlAkfvt"
    "UuKApMtCdWLYd3KJ5cU=";
static const char host_certificate[] =
    "AAAAKGVjZHNhLXNoYTItbmlzdHAyNTYtY2VydC12MDFAb3BlbnNzaC5jb20A"
    "AAAgmG9auX2V4cGSJdGG16m1Sp6NnNcKPspzLhgfHghoz5AAAAAIbmlzdHAy"
    "NTYAAABBBNe1G+1tbR8IsbUE1fJpPBqV/HQC3NTO843BRynEtDU3BF2Slrhn"
    "AnmUyfGINUlAkfvtUuKApMtCdWLYd3KJ5cUAAAAAAAAAAAAAAAIAAAACaWQA"
    "AAAQAAAADGhvc3QuZXhhbXBsZQAAAAAAAAAA//////////8AAAAAAAAAAAAA"
    "AAAAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIITUpXQaIV50q+TBtrKEDgOFEFdt"
    "NBuEW3FnzCphPKhSAAAAUwAAAAtzc2gtZWQyNTUxOQAAAEAhPpQwPgFqViwb"
    "zzTWh2HGNhH8LEUXiOrZmWLg/KxNlOoBnh1IgCLzQy8eZYncoe+G8jEDx/Ol"
    "kpRmDVFf0PYJ";

static struct slice
decode(const char *base64, uint8_t *buf)
{
	int n = EVP_DecodeBlock(
	    buf, (const unsigned char *)base64, (int)strlen(base64));

	assert_true(n > 0);
	for (const char *c = strchr(base64, '='); c != NULL && *c == '='; c++)
		n--;
	return (struct slice){ buf, (size_t)n };
}

static void
test_as_ssh_keygen(void **state)
{
	uint8_t buf[1024], digest[32];
	unsigned char text[45];

	(void)state;
	assert_true(sshkey_fingerprint(decode(plain_key, buf), digest));
	EVP_EncodeBlock(text, digest, 32);
	assert_memory_equal(text, fingerprint, 43);
	memset(digest, 0, sizeof(digest));
	assert_true(sshkey_fingerprint(decode(host_certificate, buf), digest));
	EVP_EncodeBlock(text, digest, 32);
	assert_memory_equal(text, fingerprint, 43);
}

static void
test_plain_keys(void **state)
{
	uint8_t digest[32], expected[32];
	struct bytes b = { 0 };

	(void)state;
	/* A type that nobody knows, and fields that are no strings. */
	put_text(&b, "ssh-tomorrow@example.com");
	put_u64(&b, UINT64_MAX);
	assert_int_equal(
	    EVP_Digest(b.data, b.len, expected, NULL, EVP_sha256(), NULL), 1);
	assert_true(sshkey_fingerprint(bytes_slice(&b), digest));
	assert_memory_equal(digest, expected, 32);
	/* What has no type is no key. */
	bytes_reset(&b);
	put_text(&b, "");
	assert_false(sshkey_fingerprint(bytes_slice(&b), digest));
	assert_false(sshkey_fingerprint((struct slice){ b.data, 3 }, digest));
	assert_false(sshkey_fingerprint((struct slice){ 0 }, digest));
	/* Nor is a certificate's type without a certificate. */
	bytes_reset(&b);
	put_text(&b, "ssh-tomorrow-cert");
	put_text(&b, "pk");
	assert_false(sshkey_fingerprint(bytes_slice(&b), digest));
	bytes_reset(&b);
}

/* How the type of the key is called in that of its certificate. */
static void
test_names(void **state)
{
	static const struct {
		const char *cert, *plain;
		unsigned int fields;
		bool known;
	} names[] = {
		{ "ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", 1, true },
		{ "ssh-mldsa44-ed25519-cert", "ssh-mldsa44-ed25519", 1, true },
		{ "ssh-mldsa44-ed25519-cert-v01@openssh.com",
		    "ssh-mldsa44-ed25519@openssh.com", 1, true },
		{ "ssh-tomorrow-cert", "ssh-tomorrow", 1, false },
		{ "ssh-tomorrow-cert-v2", "ssh-tomorrow", 2, false },
		{ "ssh-tomorrow-cert@example.com", "ssh-tomorrow@example.com",
		    3, false },
		{ "ssh-tomorrow-cert-v01@openssh.com",
		    "ssh-tomorrow@openssh.com", 8, false },
		{ "x-cert-cert-v999", "x-cert", 4, false },
	};
	uint8_t digest[32], expected[32];
	struct certificate c;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct invented make = { .type_name = names[i].cert,
			.fields = names[i].fields,
			.serial = UINT64_C(0x1122334455667788),
			.type = CERTIFICATE_HOST,
			.is_signed = true };
		struct bytes b = invent(&make);

		plain_digest(names[i].plain, names[i].fields, expected);
		if (!sshkey_fingerprint(bytes_slice(&b), digest))
			FAIL_MSG("%s: no fingerprint\n", names[i].cert);
		assert_memory_equal(digest, expected, 32);
		bytes_reset(&b);
		/* Signed, it is not what a CA signs. */
		assert_false(parses(&make, &c));
		make.is_signed = false;
		make.serial = i; /* and with a serial number of zeros */
		b = invent(&make);
		assert_false(sshkey_fingerprint(bytes_slice(&b), digest));
		assert_true(certificate_parse(bytes_slice(&b), &c));
		assert_int_equal(c.known, names[i].known);
		assert_int_equal(c.type, CERTIFICATE_HOST);
		assert_int_equal(c.serial, i);
		assert_true(slice_is(c.type_name, names[i].cert));
		assert_true(certificate_fingerprint(&c, digest));
		assert_memory_equal(digest, expected, 32);
		bytes_reset(&b);
	}
}

static void
test_names_of_no_certificate(void **state)
{
	static const char *const names[] = { "", "-cert", "-cert-v01",
		"-cert@openssh.com", "ssh-tomorrow", "ssh-certificate",
		"ssh-tomorrow-cert-v", "ssh-tomorrow-cert-vx",
		"ssh-tomorrow-cert-01", "ssh tomorrow-cert",
		"ssh,tomorrow-cert", "ssh-tomorrow\x1b-cert",
		"ssh-tomorrow\x80-cert", "ssh-tomorrow@openssh.com-cert",
		/* 65 characters */
		"ssh-a-name-that-is-longer-than-names-are-allowed-to-be-by-"
		"rfc-cert" };
	struct certificate c;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct invented make = { .type_name = names[i], .fields = 1 };
		struct bytes b = invent(&make);

		if (certificate_type_name(bytes_slice(&b)).len > 0 ||
		    certificate_parse(bytes_slice(&b), &c))
			FAIL_MSG("%s: taken for a certificate\n", names[i]);
		bytes_reset(&b);
	}
	assert_int_equal(certificate_type_name((struct slice){ 0 }).len, 0);
}

/* What no server would accept as a certificate is none. */
static void
test_strictness(void **state)
{
	static const char *const types[] = { "ssh-tomorrow-cert",
		"ssh-ed25519-cert-v01@openssh.com" };
	struct slice half = { (const uint8_t *)"\0\0\0\1x", 5 };
	struct certificate c;
	struct bytes b;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct invented good = {
			.type_name = types[i], .fields = 1, .principals = half
		};
		struct invented bad;

		assert_true(parses(&good, &c));
		bad = good;
		bad.fields = 0;
		assert_false(parses(&bad, &c));
		bad.fields = 9;
		assert_false(parses(&bad, &c));
		bad = good;
		bad.type = 3;
		assert_false(parses(&bad, &c));
		bad = good;
		bad.principals.len--;
		assert_false(parses(&bad, &c));
		bad = good;
		bad.critical = half; /* a name without its data */
		assert_false(parses(&bad, &c));
		bad = good;
		bad.extensions = half;
		assert_false(parses(&bad, &c));
		/* Our keys are of one type. */
		bad = good;
		bad.ca_type = "ssh-ed25519";
		assert_false(parses(&bad, &c));
		b = invent(&good);
		for (size_t n = 0; n < b.len; n++)
			assert_false(
			    certificate_parse((struct slice){ b.data, n }, &c));
		assert_int_equal(bytes_append(&b, "", 1), 0);
		assert_false(certificate_parse(bytes_slice(&b), &c));
		bytes_reset(&b);
	}
}

/*
 * Whoever chooses serial number and key id can have a certificate of an
 * unknown type read in two ways, a user's and a host's. It is none then. With
 * a type that is known there is one way.
 */
static void
test_two_ways_to_read(void **state)
{
	struct invented make = { .type_name = "ssh-tomorrow-cert",
		.fields = 1,
		/* As a second field: up to "pad" in the key id. */
		.serial = (4 + 4 + 4 + 3ULL) << 32 };
	struct certificate c = { .serial = 5 };
	struct bytes id = { 0 };

	(void)state;
	assert_int_equal(bytes_append(&id, "pad", 3), 0);
	put_u64(&id, 7);
	assert_int_equal(wire_put_u32(&id, CERTIFICATE_HOST), 0);
	make.key_id = bytes_slice(&id);
	assert_true(parses(&make, &c));
	assert_int_equal(c.type, CERTIFICATE_USER);
	/* An empty key id, and the rest is that of the first reading. */
	assert_int_equal(wire_put_u32(&id, 0), 0);
	make.key_id = bytes_slice(&id);
	c.serial = 5;
	assert_false(parses(&make, &c));
	assert_int_equal(c.serial, 5);
	make.type_name = "ssh-mldsa44-ed25519-cert";
	assert_true(parses(&make, &c));
	assert_int_equal(c.type, CERTIFICATE_USER);
	assert_int_equal(c.key_id.len, id.len);
	bytes_reset(&id);
}

static void
test_recorded(void **state)
{
	static const char *const names[] = { "certificate-ed25519",
		"certificate-rsa-2048", "certificate-ecdsa-256",
		"certificate-ecdsa-384", "certificate-ecdsa-521",
		"certificate-sk", "certificate-host" };
	struct certificate c, unknown;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct slice m = corpus_read(names[i]);
		uint8_t copy[4096];

		assert_true(certificate_parse(m, &c));
		assert_true(c.known);
		/* As if the type had not been known: read all the same. */
		assert_true(m.len <= sizeof(copy));
		memcpy(copy, m.data, m.len);
		copy[4] = 'X';
		m.data = copy;
		assert_true(certificate_parse(m, &unknown));
		assert_false(unknown.known);
		assert_true(slice_equal(c.fields, unknown.fields));
		assert_true(slice_equal(c.principals, unknown.principals));
		assert_int_equal(c.serial, unknown.serial);
	}
}

#define TEST_NAME "sshkey"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_ssh_keygen),
		cmocka_unit_test(test_plain_keys),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_of_no_certificate),
		cmocka_unit_test(test_strictness),
		cmocka_unit_test(test_two_ways_to_read),
		cmocka_unit_test(test_recorded),
	};

	return RUN(tests);
}
