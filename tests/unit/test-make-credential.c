/* SPDX-License-Identifier: ISC */
/*
 * Key derivations, seeds and credentials, with known answers (tests/vectors).
 * What TPMs make of our credentials is in tests/e2e/make-credential.sh.
 */
#include "unit.h"

#include <openssl/rand.h>

#include "attest/kdf.h"
#include "attest/make-credential.h"
#include "attest/seed.h"
#include "attest/tpm2b.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/log.h"
#include "base/wire.h"
#include "failing.h"
#include "protocol.h"
#include "tpm/name.h"

FAILING(void *, malloc, (size_t n), (n), NULL)
FAILING(int, EVP_Digest,
    (const void *data, size_t n, unsigned char *md, unsigned int *size,
	const EVP_MD *type, ENGINE *impl),
    (data, n, md, size, type, impl), 0)
FAILING(unsigned char *, HMAC,
    (const EVP_MD *md, const void *key, int key_len, const unsigned char *data,
	size_t n, unsigned char *mac, unsigned int *len),
    (md, key, key_len, data, n, mac, len), NULL)
FAILING(int, RAND_bytes, (unsigned char *buf, int n), (buf, n), 0)
FAILING(void *, CRYPTO_memdup,
    (const void *data, size_t n, const char *file, int line),
    (data, n, file, line), NULL)
FAILING(EVP_PKEY *, d2i_PUBKEY,
    (EVP_PKEY * *key, const unsigned char **in, long n), (key, in, n), NULL)
FAILING(EVP_PKEY_CTX *, EVP_PKEY_CTX_new, (EVP_PKEY * key, ENGINE *e), (key, e),
    NULL)
FAILING(int, EVP_PKEY_encrypt_init, (EVP_PKEY_CTX * ctx), (ctx), 0)
FAILING(int, EVP_PKEY_encrypt,
    (EVP_PKEY_CTX * ctx, unsigned char *out, size_t *len,
	const unsigned char *in, size_t n),
    (ctx, out, len, in, n), 0)
FAILING(int, EVP_PKEY_keygen_init, (EVP_PKEY_CTX * ctx), (ctx), 0)
FAILING(
    int, EVP_PKEY_keygen, (EVP_PKEY_CTX * ctx, EVP_PKEY **key), (ctx, key), 0)
FAILING(int, EVP_PKEY_derive_init, (EVP_PKEY_CTX * ctx), (ctx), 0)
FAILING(int, EVP_PKEY_derive_set_peer, (EVP_PKEY_CTX * ctx, EVP_PKEY *peer),
    (ctx, peer), 0)
FAILING(int, EVP_PKEY_derive,
    (EVP_PKEY_CTX * ctx, unsigned char *out, size_t *len), (ctx, out, len), 0)
FAILING(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), (), NULL)
FAILING(int, EVP_EncryptInit_ex,
    (EVP_CIPHER_CTX * ctx, const EVP_CIPHER *type, ENGINE *impl,
	const unsigned char *key, const unsigned char *iv),
    (ctx, type, impl, key, iv), 0)
FAILING(int, EVP_EncryptUpdate,
    (EVP_CIPHER_CTX * ctx, unsigned char *out, int *len,
	const unsigned char *in, int n),
    (ctx, out, len, in, n), 0)

/* --- what OpenSSL takes for random ------------------------------------- */

/* A seed and OAEP's, or a private key; then bytes that do not matter. */
static struct slice next_random[2];

static int
give_random(unsigned char *buf, int n)
{
	for (size_t i = 0; i < 2; i++)
		if (next_random[i].len == (size_t)n) {
			memcpy(buf, next_random[i].data, (size_t)n);
			next_random[i] = (struct slice){ 0 };
			return 1;
		}
	memset(buf, 0x5a, (size_t)n);
	return 1;
}

static int
has_seed(void)
{
	return 1;
}

static void
set_random(const RAND_METHOD *method)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	assert_int_equal(RAND_set_rand_method(method), 1);
#pragma GCC diagnostic pop
}

static const RAND_METHOD known_random = {
	.bytes = give_random,
	.pseudorand = give_random,
	.status = has_seed,
};

/* --- vectors ----------------------------------------------------------- */

#define FIELDS 8

struct vector {
	char line[4096];
	const char *fields[FIELDS];
	struct bytes bytes[FIELDS]; /* the fields, read as hexadecimal */
};

static void
vector_reset(struct vector *v)
{
	for (size_t i = 0; i < FIELDS; i++)
		bytes_reset(&v->bytes[i]);
}

static void
read_hex(const char *text, struct bytes *ret)
{
	for (unsigned int byte; sscanf(text, "%2x", &byte) == 1; text += 2) {
		uint8_t value = (uint8_t)byte;

		assert_int_equal(bytes_append(ret, &value, 1), 0);
	}
}

/* The next line of the file; false at its end. */
static bool
next_vector(FILE *f, struct vector *ret)
{
	char *save = NULL;

	vector_reset(ret);
	if (fgets(ret->line, sizeof(ret->line), f) == NULL)
		return false;
	ret->fields[0] = strtok_r(ret->line, " \n", &save);
	for (size_t i = 1; i < FIELDS; i++) {
		ret->fields[i] = strtok_r(NULL, " \n", &save);
		if (ret->fields[i] != NULL)
			read_hex(ret->fields[i], &ret->bytes[i]);
	}
	return true;
}

static FILE *
open_vectors(const char *name)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "tests/vectors/%s", name);
	f = fopen(path, "re");
	assert_non_null(f);
	return f;
}

typedef int kdf(const EVP_MD *, struct slice, const char *, struct slice,
    struct slice, uint32_t, uint8_t *);

static void
check_kdf(const char *name, kdf *derive)
{
	FILE *f = open_vectors(name);
	struct vector v = { 0 };
	unsigned int n = 0;
	uint8_t out[256];

	while (next_vector(f, &v)) {
		const EVP_MD *hash = strcmp(v.fields[1], "11") == 0
		    ? EVP_sha256()
		    : EVP_sha384();
		uint32_t bits = (uint32_t)strtoul(v.fields[6], NULL, 10);

		assert_int_equal(derive(hash, bytes_slice(&v.bytes[2]),
				     v.fields[3], bytes_slice(&v.bytes[4]),
				     bytes_slice(&v.bytes[5]), bits, out),
		    0);
		assert_int_equal(KDF_LEN(bits), v.bytes[7].len);
		if (v.bytes[7].len > 0)
			assert_memory_equal(
			    out, v.bytes[7].data, v.bytes[7].len);
		n++;
	}
	assert_int_equal(n, 51);
	fclose(f);
}

static void
test_kdfa(void **state)
{
	(void)state;
	check_kdf("kdfa", kdfa);
}

static void
test_kdfe(void **state)
{
	(void)state;
	check_kdf("kdfe", kdfe);
}

/* Known TPMT_PUBLICs: some are of suites that no endorsement key has. */
static void
read_known_public(struct slice in, struct ek_public *ret)
{
	struct slice policy, x, y, n;
	uint16_t type, parameter, ignored;
	uint32_t attributes, exponent;

	*ret = (struct ek_public){ .aes_bits = 128 };
	assert_true(tpm2b_take_u16(&in, &type));
	assert_true(tpm2b_take_u16(&in, &ignored));
	ret->name_alg = ignored;
	assert_true(wire_take_u32(&in, &attributes));
	assert_true(tpm2b_take(&in, &policy));
	for (unsigned int i = 0; i < 4; i++) /* cipher and scheme */
		assert_true(tpm2b_take_u16(&in, &ignored));
	assert_true(tpm2b_take_u16(&in, &parameter));
	if (type == 0x0001) {
		assert_true(wire_take_u32(&in, &exponent));
		assert_true(tpm2b_take(&in, &n));
		ret->type = parameter == 2048 ? EK_RSA_2048
		    : parameter == 3072	      ? EK_RSA_3072
					      : EK_RSA_4096;
		memcpy(ret->numbers, n.data, n.len);
		ret->numbers_len = n.len;
		return;
	}
	ret->type = parameter == 3 ? EK_P256 : EK_P384;
	assert_true(tpm2b_take_u16(&in, &ignored));
	assert_true(tpm2b_take(&in, &x));
	assert_true(tpm2b_take(&in, &y));
	assert_int_equal(x.len, y.len);
	memcpy(ret->numbers, x.data, x.len);
	memcpy(ret->numbers + x.len, y.data, y.len);
	ret->numbers_len = 2 * x.len;
}

/* The same random bytes give the same seed, and the same for the TPM. */
static unsigned int
check_seeds(const char *name)
{
	struct bytes seed = { 0 }, encrypted = { 0 };
	FILE *f = open_vectors(name);
	struct vector v = { 0 };
	struct ek_public ek;
	unsigned int n = 0;

	set_random(&known_random);
	while (next_vector(f, &v)) {
		read_known_public(bytes_slice(&v.bytes[2]), &ek);
		if (ek.type != EK_P256 && ek.type != EK_P384)
			next_random[0] = bytes_slice(&v.bytes[4]);
		next_random[1] = bytes_slice(&v.bytes[3]);
		assert_int_equal(
		    seed_share(&ek, v.fields[1], &seed, &encrypted), 0);
		assert_int_equal(seed.len, v.bytes[4].len);
		assert_memory_equal(seed.data, v.bytes[4].data, seed.len);
		assert_int_equal(encrypted.len, 2 + v.bytes[5].len);
		assert_memory_equal(
		    encrypted.data + 2, v.bytes[5].data, v.bytes[5].len);
		assert_int_equal(
		    encrypted.data[0] << 8 | encrypted.data[1], v.bytes[5].len);
		n++;
	}
	set_random(NULL);
	bytes_reset(&seed);
	bytes_reset(&encrypted);
	fclose(f);
	return n;
}

static void
test_rsa_seeds(void **state)
{
	(void)state;
	assert_int_equal(check_seeds("rsa"), 27);
}

static void
test_ecc_seeds(void **state)
{
	(void)state;
	assert_int_equal(check_seeds("ecc"), 17);
}

/* --- credentials ------------------------------------------------------- */

static const uint8_t name[34] = { 0x00, 0x0b, 1 }, secret[32] = { 2 };

static void
read_one(const char *file, struct ek_public *ret)
{
	FILE *f = open_vectors(file);
	struct vector v = { 0 };

	assert_true(next_vector(f, &v));
	read_known_public(bytes_slice(&v.bytes[2]), ret);
	vector_reset(&v);
	fclose(f);
}

static void
make(const struct ek_public *ek, int *ret, struct bytes *ret_id,
    struct bytes *ret_shared)
{
	*ret = make_credential(ek, (struct slice){ name, sizeof(name) },
	    (struct slice){ secret, sizeof(secret) }, ret_id, ret_shared);
}

static void
test_sizes(void **state)
{
	struct bytes id = { 0 }, shared = { 0 };
	struct ek_public ek;
	int r;

	(void)state;
	read_one("rsa", &ek);
	make(&ek, &r, &id, &shared);
	assert_int_equal(r, 0);
	assert_int_equal(id.len, 2 + 2 + 32 + 2 + 32);
	assert_int_equal(shared.len, 2 + 256);
	read_one("ecc", &ek);
	ek.name_alg = EK_SHA384;
	ek.aes_bits = 256;
	make(&ek, &r, &id, &shared);
	assert_int_equal(r, 0);
	assert_int_equal(id.len, 2 + 2 + 48 + 2 + 32);
	assert_int_equal(shared.len, 2 + 2 * (2 + 32));
	assert_int_equal(id.data[3], 48);
	bytes_reset(&id);
	bytes_reset(&shared);
}

/* The value of a line of the example in PROTOCOL.md. */
static void
read_example(const char *side_and_word, struct bytes *ret)
{
	struct bytes text = { 0 };
	const char *at;

	protocol_text("sk-tpm-attest", &text);
	assert_int_equal(bytes_append(&text, "", 1), 0);
	at = strstr((const char *)text.data, side_and_word);
	assert_non_null(at);
	at += strlen(side_and_word);
	assert_int_equal(
	    base64_decode(
		(struct slice){ (const uint8_t *)at, strcspn(at, " \n") }, ret),
	    0);
	bytes_reset(&text);
}

/* With the ephemeral key that the page names. */
static void
test_example_of_the_protocol(void **state)
{
	struct bytes ek_area = { 0 }, public = { 0 }, wanted = { 0 };
	struct bytes ephemeral = { 0 }, id = { 0 }, shared = { 0 };
	uint8_t known_secret[32], key_name[TPM_NAME_LEN];
	struct ek_public ek;

	(void)state;
	for (size_t i = 0; i < sizeof(known_secret); i++)
		known_secret[i] = (uint8_t)i;
	read_hex("c6ef9c5d78ae012a011164acb397ce20"
		 "88685d8f06bf9be0b283ab46476bee53",
	    &ephemeral);
	read_example("C: ek ", &ek_area);
	read_example("C: public ", &public);
	read_example("S: challenge ", &wanted);
	assert_int_equal(ek_public_parse(bytes_slice(&ek_area), &ek), 0);
	assert_int_equal(
	    tpm_compute_name(
		(struct slice){ public.data + 2, public.len - 2 }, key_name),
	    0);
	set_random(&known_random);
	next_random[1] = bytes_slice(&ephemeral);
	assert_int_equal(
	    make_credential(&ek, (struct slice){ key_name, sizeof(key_name) },
		(struct slice){ known_secret, sizeof(known_secret) }, &id,
		&shared),
	    0);
	set_random(NULL);
	assert_true(slice_equal(bytes_slice(&id), bytes_slice(&wanted)));
	bytes_reset(&ek_area);
	bytes_reset(&public);
	bytes_reset(&wanted);
	bytes_reset(&ephemeral);
	bytes_reset(&id);
	bytes_reset(&shared);
}

static void
test_failures(void **state)
{
	static const char *const kinds[] = { "rsa", "ecc" };
	struct bytes id = { 0 }, shared = { 0 };
	struct ek_public ek;
	int r;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		read_one(kinds[i], &ek);
		EACH_FAILING(make(&ek, &r, &id, &shared))
		{
			assert_true(r == FAIL_MEMORY || r == FAIL_INTERNAL ||
			    r == FAIL_EK);
			assert_null(id.data);
			assert_null(shared.data);
		}
		assert_int_equal(r, 0);
		bytes_reset(&id);
		bytes_reset(&shared);
	}
}

#define TEST_NAME "make-credential"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kdfa),
		cmocka_unit_test(test_kdfe),
		cmocka_unit_test(test_rsa_seeds),
		cmocka_unit_test(test_ecc_seeds),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_example_of_the_protocol),
		cmocka_unit_test(test_failures),
	};

	return RUN(tests);
}
