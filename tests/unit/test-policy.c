/* SPDX-License-Identifier: ISC */
/*
 * Policy digests against what trial sessions of swtpm came to, by tpm2-tools
 * (tests/e2e/policies.sh makes more of them).
 */
#include "unit.h"

#include "base/error.h"
#include "tpm/name.h"
#include "tpm/policy.h"

/* PCRs 7 and 11 of these two, extended once each. */
#define PCRS (1u << 7 | 1u << 11)
static const char *const pcr_values =
    "bdfd4926ecd611ee6fa67ceac3045f32b8e9c5b3b5fbebcfdbbaed1082f8ea52";
static const char *const pin_object =
    "0008000b00000052000000100020882c87a939d520db5d6b80edeaf7dce2"
    "4094d40dc45952e5df0215e72429ced9";
static const char *const pin_name =
    "000b8a6f6e792b80591e4111afc0e1dd6d7e9533577c972f60bdd7544069ef56745e";

static void
read_hex(const char *hex, uint8_t *ret, size_t len)
{
	assert_int_equal(strlen(hex), 2 * len);
	for (size_t i = 0; i < len; i++) {
		unsigned int byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		ret[i] = (uint8_t)byte;
	}
}

static void
is(const uint8_t policy[POLICY_LEN], const char *hex)
{
	uint8_t expected[POLICY_LEN];

	read_hex(hex, expected, sizeof(expected));
	assert_memory_equal(policy, expected, POLICY_LEN);
}

static void
add_pcr(uint8_t policy[POLICY_LEN])
{
	uint8_t values[SHA256_LEN];

	read_hex(pcr_values, values, sizeof(values));
	assert_int_equal(policy_pcr(policy, PCRS, values), 0);
}

static void
add_secret(uint8_t policy[POLICY_LEN])
{
	uint8_t name[TPM_NAME_LEN], ref[32];

	read_hex(pin_name, name, sizeof(name));
	memset(ref, 0x55, sizeof(ref));
	assert_int_equal(
	    policy_secret(policy, (struct slice){ name, sizeof(name) },
		(struct slice){ ref, sizeof(ref) }),
	    0);
}

static void
test_name(void **state)
{
	uint8_t area[46], name[TPM_NAME_LEN], expected[TPM_NAME_LEN];

	(void)state;
	read_hex(pin_object, area, sizeof(area));
	read_hex(pin_name, expected, sizeof(expected));
	assert_int_equal(
	    tpm_compute_name((struct slice){ area, sizeof(area) }, name), 0);
	assert_memory_equal(name, expected, sizeof(name));
}

static void
test_pcr(void **state)
{
	uint8_t policy[POLICY_LEN] = { 0 };

	(void)state;
	add_pcr(policy);
	is(policy,
	    "bdb640b25d391757fe2948988a6a33a808223f9c026b92092f2b787b10084276");
}

static void
test_secret(void **state)
{
	uint8_t policy[POLICY_LEN] = { 0 };

	(void)state;
	add_secret(policy);
	is(policy,
	    "9a673cf96077afb9fa0bdf85e429be408f1231375a1c644f76b17d06152f6f30");
}

static void
test_one_after_the_other(void **state)
{
	uint8_t policy[POLICY_LEN] = { 0 };

	(void)state;
	add_pcr(policy);
	add_secret(policy);
	is(policy,
	    "e9f2ce1fd3d4372fea236de29c4a9b6e92eb8b2b064a825d84e88d49258bc1e8");
	memset(policy, 0, sizeof(policy));
	add_pcr(policy);
	assert_int_equal(policy_auth_value(policy), 0);
	is(policy,
	    "51c8e88a29368b25808e313a544c1fd1d99f22d6c7a5d244b76199aa5397f782");
}

static void
test_or(void **state)
{
	uint8_t policy[POLICY_LEN] = { 0 }, other[POLICY_LEN];

	(void)state;
	memset(other, 0x66, sizeof(other));
	add_pcr(policy);
	assert_int_equal(policy_or(policy, other), 0);
	is(policy,
	    "5ac0dd894613a0092e13851edcf02cae1ff9023caf330052ccc791767dc2aecf");
	memset(policy, 0, sizeof(policy));
	add_pcr(policy);
	assert_int_equal(policy_auth_value(policy), 0);
	assert_int_equal(policy_or(policy, other), 0);
	is(policy,
	    "b548e3ca2f2fff44768f1d53dea5073ae08f0d8673be0e2b3be7cb43dd0be2c9");
}

static void
test_pcr_select(void **state)
{
	uint8_t select[POLICY_PCR_SELECT_LEN];

	(void)state;
	policy_pcr_select(1u << 0 | 1u << 8 | 1u << 22, select);
	assert_memory_equal(select, "\x01\x01\x40", sizeof(select));
}

#define TEST_NAME "policy"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_pcr),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_or),
		cmocka_unit_test(test_pcr_select),
	};

	return RUN(tests);
}
