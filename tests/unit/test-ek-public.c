/* SPDX-License-Identifier: ISC */
/*
 * Public areas of endorsement keys that swtpm made (tests/fuzz/corpus/ek, with
 * certificates behind them), and such as no endorsement key has.
 */
#include "unit.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "attest/ek-public.h"
#include "attest/tpm2b.h"
#include "base/error.h"
#include "base/log.h"
#include "corpus.h"
#include "failing.h"

static EVP_PKEY *
no_memory(void)
{
	ERR_put_error(
	    ERR_LIB_X509, 0, ERR_R_MALLOC_FAILURE, __FILE__, __LINE__);
	return NULL;
}

FAILING(void *, malloc, (size_t n), (n), NULL)
FAILING(EVP_PKEY *, d2i_PUBKEY,
    (EVP_PKEY * *key, const unsigned char **in, long n), (key, in, n),
    no_memory())

/* Where these are in a public area; authPolicy moves what is behind it. */
#define ATTRIBUTES_AT 6
#define POLICY_AT 10

static const struct {
	const char *file;
	enum ek_type type;
	enum ek_hash name_alg;
	uint32_t aes_bits;
	size_t policy_len, numbers_len;
} samples[] = {
	{ "rsa2048", EK_RSA_2048, EK_SHA256, 128, 32, 256 },
	{ "rsa3072-padded", EK_RSA_3072, EK_SHA384, 256, 48, 384 },
	{ "p256-other", EK_P256, EK_SHA256, 128, 32, 64 },
	{ "p384-wrapped-short", EK_P384, EK_SHA384, 256, 48, 96 },
};

#define N_SAMPLES (sizeof(samples) / sizeof(samples[0]))

/* The area alone, for the caller to change and to reset. */
static void
read_sample(const char *name, struct bytes *ret)
{
	struct slice file = corpus_read_of("ek", name);
	struct slice rest = file, area;

	assert_true(tpm2b_take(&rest, &area));
	assert_int_equal(bytes_set(ret, file.data, 2 + area.len), 0);
}

static int
parse(const struct bytes *area)
{
	struct ek_public ek;

	return ek_public_parse(bytes_slice(area), &ek);
}

static void
test_samples(void **state)
{
	struct bytes area = { 0 };

	(void)state;
	for (size_t i = 0; i < N_SAMPLES; i++) {
		struct ek_public ek;

		read_sample(samples[i].file, &area);
		assert_int_equal(ek_public_parse(bytes_slice(&area), &ek), 0);
		assert_int_equal(ek.type, samples[i].type);
		assert_int_equal(ek.name_alg, samples[i].name_alg);
		assert_int_equal(ek.aes_bits, samples[i].aes_bits);
		assert_int_equal(ek.numbers_len, samples[i].numbers_len);
		assert_int_equal(ek_public_is_rsa(&ek),
		    strncmp(samples[i].file, "rsa", 3) == 0);
	}
	bytes_reset(&area);
}

/* userWithAuth, adminWithPolicy and noDA, as the key's maker likes. */
static bool
may_change(size_t sample, size_t bit)
{
	const size_t at = bit / 8, policy = POLICY_AT + 2;

	if (at == ATTRIBUTES_AT + 3)
		return (1u << bit % 8 & 0xc0) != 0;
	if (at == ATTRIBUTES_AT + 2)
		return bit % 8 == 2;
	return at >= policy && at < policy + samples[sample].policy_len;
}

static void
test_every_bit(void **state)
{
	struct bytes area = { 0 };

	(void)state;
	for (size_t i = 0; i < N_SAMPLES; i++) {
		size_t end;

		read_sample(samples[i].file, &area);
		/* Other numbers may be another key's, but no other point. */
		end = samples[i].type < EK_P256
		    ? area.len - samples[i].numbers_len
		    : area.len;
		for (size_t bit = 0; bit < end * 8; bit++) {
			area.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_int_equal(
			    parse(&area), may_change(i, bit) ? 0 : FAIL_EK);
			area.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
	bytes_reset(&area);
}

static void
test_every_length(void **state)
{
	struct bytes area = { 0 };

	(void)state;
	for (size_t i = 0; i < N_SAMPLES; i++) {
		size_t len;

		read_sample(samples[i].file, &area);
		len = area.len;
		while (area.len-- > 0) {
			/* Once with the size as it was, once as it is. */
			assert_int_equal(parse(&area), FAIL_EK);
			if (area.len < 2)
				continue;
			area.data[0] = (uint8_t)((area.len - 2) >> 8);
			area.data[1] = (uint8_t)(area.len - 2);
			assert_int_equal(parse(&area), FAIL_EK);
		}
		area.len = len;
		area.data[0] = (uint8_t)((len - 1) >> 8);
		area.data[1] = (uint8_t)(len - 1);
		assert_int_equal(bytes_append(&area, "", 1), 0);
		assert_int_equal(parse(&area), FAIL_EK);
	}
	bytes_reset(&area);
}

static void
test_modulus(void **state)
{
	struct bytes area = { 0 };

	(void)state;
	read_sample("rsa2048", &area);
	area.data[area.len - 1] ^= 1; /* even */
	assert_int_equal(parse(&area), FAIL_EK);
	area.data[area.len - 1] ^= 1;
	area.data[area.len - 256] &= 0x7f; /* 2,047 bits */
	assert_int_equal(parse(&area), FAIL_EK);
	area.data[area.len - 256] |= 0x80;
	assert_int_equal(parse(&area), 0);
	/* The exponent said in full. */
	memcpy(area.data + area.len - 256 - 2 - 4, "\0\1\0\1", 4);
	assert_int_equal(parse(&area), 0);
	memcpy(area.data + area.len - 256 - 2 - 4, "\0\0\0\3", 4);
	assert_int_equal(parse(&area), FAIL_EK);
	bytes_reset(&area);
}

/* No authPolicy: it can be used by its authValue alone. */
static void
test_no_policy(void **state)
{
	struct bytes area = { 0 }, without = { 0 };

	(void)state;
	read_sample("p256-other", &area);
	assert_int_equal(bytes_append(&without, area.data, POLICY_AT), 0);
	assert_int_equal(bytes_append(&without, "\0\0", 2), 0);
	assert_int_equal(bytes_append(&without, area.data + POLICY_AT + 2 + 32,
			     area.len - POLICY_AT - 2 - 32),
	    0);
	without.data[1] = (uint8_t)(without.len - 2);
	assert_int_equal(parse(&without), 0);
	bytes_reset(&area);
	bytes_reset(&without);
}

/* The point with the x of 5 on P-256, whose y is known. */
static void
test_short_coordinate(void **state)
{
	static const char y[] =
	    "\x45\x92\x43\xb9\xaa\x58\x18\x06\xfe\x91\x3b\xce\x99\x81\x7a\xde"
	    "\x11\xca\x50\x3c\x64\xd9\xa3\xc5\x33\x41\x5c\x08\x32\x48\xfb\xcc";
	struct bytes area = { 0 }, spki = { 0 };
	struct ek_public ek;

	(void)state;
	read_sample("p256-other", &area);
	area.len -= 2 * (2 + 32);
	assert_int_equal(bytes_append(&area, "\0\1\5\0\x20", 5), 0);
	assert_int_equal(bytes_append(&area, y, 32), 0);
	area.data[1] = (uint8_t)(area.len - 2);
	assert_int_equal(ek_public_parse(bytes_slice(&area), &ek), 0);
	assert_int_equal(ek_public_spki(&ek, &spki), 0);
	assert_int_equal(spki.len, 26 + 65);
	assert_int_equal(spki.data[26], 4);
	assert_int_equal(spki.data[27], 0);
	assert_int_equal(spki.data[27 + 31], 5);
	assert_memory_equal(spki.data + 27 + 32, y, 32);
	bytes_reset(&area);
	bytes_reset(&spki);
}

static int
use(const struct bytes *area, struct bytes *ret)
{
	struct ek_public ek;
	int r;

	if ((r = ek_public_parse(bytes_slice(area), &ek)) == 0)
		r = ek_public_spki(&ek, ret);
	return r;
}

static void
test_failures(void **state)
{
	struct bytes area = { 0 }, spki = { 0 };
	int r;

	(void)state;
	read_sample("rsa2048", &area);
	EACH_FAILING(r = use(&area, &spki))
	{
		assert_int_equal(r, FAIL_MEMORY);
		assert_null(spki.data);
	}
	assert_int_equal(r, 0);
	bytes_reset(&area);
	bytes_reset(&spki);
}

#define TEST_NAME "ek-public"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_modulus),
		cmocka_unit_test(test_no_policy),
		cmocka_unit_test(test_short_coordinate),
		cmocka_unit_test(test_failures),
	};

	return RUN(tests);
}
