/* SPDX-License-Identifier: ISC */
/*
 * Pins the layouts that OpenSSH's own headers have. The numbers are for the
 * 64-bit ABIs: pointers and size_t of 8 bytes, aligned to 8.
 */
#include "unit.h"

#include "abi.h"

static void
check_common(const struct abi_layout *l)
{
	assert_int_equal(sizeof(void *), 8);
	assert_int_equal(l->sign_size, 40);
	assert_int_equal(l->sign_counter, 4);
	assert_int_equal(l->sign_sig_r, 8);
	assert_int_equal(l->sign_sig_s_len, 32);
	assert_int_equal(l->resident_application, 16);
	assert_int_equal(l->resident_key, 24);
	assert_int_equal(l->option_size, 24);
	assert_int_equal(l->option_required, 16);
}

static void
test_major_7(void **state)
{
	const struct abi_layout *l = &abi_layout_7;

	(void)state;
	check_common(l);
	assert_int_equal(l->enroll_size, 80);
	assert_int_equal(l->enroll_public_key, 0);
	assert_int_equal(l->enroll_key_handle, 16);
	assert_int_equal(l->enroll_signature, 32);
	assert_int_equal(l->enroll_attestation_cert, 48);
	assert_int_equal(l->enroll_authdata_len, 72);
	assert_int_equal(l->resident_flags, 104);
	assert_int_equal(l->resident_size, 112);
}

static void
check_since_9(const struct abi_layout *l)
{
	check_common(l);
	assert_int_equal(l->enroll_size, 88);
	assert_int_equal(l->enroll_public_key, 8);
	assert_int_equal(l->enroll_key_handle, 24);
	assert_int_equal(l->enroll_signature, 40);
	assert_int_equal(l->enroll_attestation_cert, 56);
	assert_int_equal(l->enroll_authdata_len, 80);
	assert_int_equal(l->resident_flags, 112);
	assert_int_equal(l->resident_size, 136);
}

static void
test_major_9(void **state)
{
	(void)state;
	check_since_9(&abi_layout_9);
}

static void
test_major_10(void **state)
{
	(void)state;
	check_since_9(&abi_layout_10);
}

#define TEST_NAME "abi"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_major_7),
		cmocka_unit_test(test_major_9),
		cmocka_unit_test(test_major_10),
	};

	return RUN(tests);
}
