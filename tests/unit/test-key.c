/* SPDX-License-Identifier: ISC */
/* What `key` decides without a TPM: whether a public area is one of ours. */
#include "unit.h"

#include <tss2/tss2_mu.h>

#include "base/error.h"
#include "base/log.h"
#include "key/key.h"

static void
make_handle(struct handle *h, TPM2B_PUBLIC *public)
{
	uint8_t buf[sizeof(TPM2B_PUBLIC)];
	size_t len = 0;

	public->size = 0;
	assert_int_equal(
	    Tss2_MU_TPM2B_PUBLIC_Marshal(public, buf, sizeof(buf), &len), 0);
	assert_int_equal(bytes_set(&h->tpm_public, buf, len), 0);
	assert_int_equal(bytes_set(&h->tpm_private, "\0\1x", 3), 0);
}

/* Written out again here, so that a change in key.c has to be meant. */
static void
make_public(const struct handle *h, TPM2B_PUBLIC *ret)
{
	TPMT_PUBLIC *p = &ret->publicArea;

	memset(ret, 0, sizeof(*ret));
	p->type = 0x0023;
	p->nameAlg = 0x000b;
	p->objectAttributes = 0x00040472;
	p->authPolicy.size = 32;
	assert_int_equal(handle_binding(h, p->authPolicy.buffer), 0);
	p->parameters.eccDetail.symmetric.algorithm = 0x0010;
	p->parameters.eccDetail.scheme.scheme = 0x0018;
	p->parameters.eccDetail.scheme.details.ecdsa.hashAlg = 0x000b;
	p->parameters.eccDetail.curveID = 0x0003;
	p->parameters.eccDetail.kdf.scheme = 0x0010;
	p->unique.ecc.x.size = 32;
	p->unique.ecc.x.buffer[31] = 5;
	p->unique.ecc.y.size = 31; /* TPMs may drop leading zeros */
	p->unique.ecc.y.buffer[30] = 6;
}

static void
test_ours(void **state)
{
	struct handle h = { .parent = 1 };
	struct checked_key key;
	TPM2B_PUBLIC public;

	(void)state;
	make_public(&h, &public);
	make_handle(&h, &public);
	assert_int_equal(key_check(&h, &key), 0);
	assert_int_equal(key.point.x[31], 5);
	assert_int_equal(key.point.y[0], 0);
	assert_int_equal(key.point.y[31], 6);
	handle_reset(&h);
}

static void
test_header_of_another_key(void **state)
{
	struct handle h = { .parent = 1 };
	struct checked_key key;
	TPM2B_PUBLIC public;

	(void)state;
	make_public(&h, &public);
	make_handle(&h, &public);
	h.parent = 2;
	assert_int_equal(key_check(&h, &key), FAIL_HANDLE);
	handle_reset(&h);
}

static void
test_other_attributes(void **state)
{
	struct handle h = { .parent = 1 };
	struct checked_key key;
	TPM2B_PUBLIC public;

	(void)state;
	for (unsigned int bit = 0; bit < 32; bit++) {
		make_public(&h, &public);
		public.publicArea.objectAttributes ^= 1u << bit;
		make_handle(&h, &public);
		assert_int_equal(key_check(&h, &key), FAIL_HANDLE);
		handle_reset(&h);
		h.parent = 1;
	}
}

static void
test_other_kinds_of_object(void **state)
{
	static const char *const publics[] = { "", "\0", "\0\0", "\xff\xff",
		"\0\x08\0\x01\0\x0b\0\0\0\0", "\0\x08\0\x25\0\x0b\0\0\0\0" };
	static const size_t lens[] = { 0, 1, 2, 2, 10, 10 };
	struct handle h = { .parent = 1 };
	struct checked_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		bytes_reset(&h.tpm_public);
		assert_int_equal(
		    bytes_set(&h.tpm_public, publics[i], lens[i]), 0);
		assert_int_equal(key_check(&h, &key), FAIL_HANDLE);
	}
	handle_reset(&h);
}

static void
test_long_point(void **state)
{
	struct handle h = { .parent = 1 };
	struct checked_key key;
	TPM2B_PUBLIC public;

	(void)state;
	make_public(&h, &public);
	public.publicArea.unique.ecc.x.size = 66;
	make_handle(&h, &public);
	assert_int_equal(key_check(&h, &key), FAIL_HANDLE);
	handle_reset(&h);
}

#define TEST_NAME "key"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ours),
		cmocka_unit_test(test_header_of_another_key),
		cmocka_unit_test(test_other_attributes),
		cmocka_unit_test(test_other_kinds_of_object),
		cmocka_unit_test(test_long_point),
	};

	log_begin_secret();
	return RUN(tests);
}
