/* SPDX-License-Identifier: ISC */
/*
 * Public areas of our keys, against those of two keys that swtpm made
 * (tests/fuzz/corpus/handle, without a PIN and with one).
 */
#include "unit.h"

#include "base/error.h"
#include "corpus.h"
#include "key/template.h"
#include "protocol.h"
#include "tpm/name.h"
#include "tpm/policy.h"

#define POINT_AT 54 /* x and y, each with its size, end a public area */

static void
read_handle(const char *name, struct handle *ret)
{
	assert_int_equal(handle_decode(corpus_read_of("handle", name), ret), 0);
}

static void
test_what_a_tpm_made(void **state)
{
	static const char *const names[] = { "no-pin", "pin" };
	struct bytes made = { 0 };
	struct ec_point point;
	struct handle h;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		read_handle(names[i], &h);
		assert_int_equal(
		    template_point(&h, bytes_slice(&h.tpm_public), &point), 0);
		assert_memory_equal(
		    point.x, h.tpm_public.data + POINT_AT + 2, 32);
		assert_memory_equal(
		    point.y, h.tpm_public.data + POINT_AT + 36, 32);
		assert_int_equal(template_public(&h, &point, &made), 0);
		assert_int_equal(made.len, h.tpm_public.len);
		assert_memory_equal(made.data, h.tpm_public.data, made.len);
		handle_reset(&h);
	}
	bytes_reset(&made);
}

/* Any bit but those of the point's numbers. */
static void
test_every_bit(void **state)
{
	struct ec_point point;
	struct handle h;

	(void)state;
	read_handle("no-pin", &h);
	for (size_t bit = 0; bit < h.tpm_public.len * 8; bit++) {
		size_t at = bit / 8;
		bool number = at >= POINT_AT && (at - POINT_AT) % 34 >= 2;

		h.tpm_public.data[at] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(
		    template_point(&h, bytes_slice(&h.tpm_public), &point),
		    number ? 0 : FAIL_HANDLE);
		h.tpm_public.data[at] ^= (uint8_t)(1u << bit % 8);
	}
	handle_reset(&h);
}

static void
test_every_length(void **state)
{
	struct ec_point point;
	struct slice public;
	struct handle h;

	(void)state;
	read_handle("pin", &h);
	public = bytes_slice(&h.tpm_public);
	while (public.len-- > 0)
		assert_int_equal(
		    template_point(&h, public, &point), FAIL_HANDLE);
	assert_int_equal(bytes_append(&h.tpm_public, "", 1), 0);
	assert_int_equal(template_point(&h, bytes_slice(&h.tpm_public), &point),
	    FAIL_HANDLE);
	handle_reset(&h);
}

/* TPMs may drop leading zeros; none has numbers longer than the curve's. */
static void
test_length_of_numbers(void **state)
{
	static const size_t lens[] = { 0, 1, 31, 32, 33 };
	const uint8_t number[33] = { 7 };
	struct handle h = { .parent = 1 };
	struct ec_point point;

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		uint8_t len[2] = { 0, (uint8_t)lens[i] };
		struct bytes area = { 0 };

		assert_int_equal(template_public(&h, NULL, &area), 0);
		assert_int_equal(area.len, POINT_AT + 4);
		area.len -= 4;
		assert_int_equal(bytes_append(&area, len, 2), 0);
		assert_int_equal(bytes_append(&area, number, lens[i]), 0);
		assert_int_equal(bytes_append(&area, len, 2), 0);
		assert_int_equal(bytes_append(&area, number, lens[i]), 0);
		area.data[1] = (uint8_t)(area.len - 2);
		if (lens[i] > 32) {
			assert_int_equal(
			    template_point(&h, bytes_slice(&area), &point),
			    FAIL_HANDLE);
		} else {
			assert_int_equal(
			    template_point(&h, bytes_slice(&area), &point), 0);
			for (size_t j = 0; j < 32; j++)
				assert_int_equal(point.x[j],
				    lens[i] > 0 && j == 32 - lens[i] ? 7 : 0);
			assert_memory_equal(point.x, point.y, 32);
		}
		bytes_reset(&area);
	}
}

/* The bound entries are in the policy, and the PIN in the attributes. */
static void
test_other_handle(void **state)
{
	struct ec_point point;
	struct handle h;

	(void)state;
	read_handle("pin", &h);
	h.presence = !h.presence;
	assert_int_equal(template_point(&h, bytes_slice(&h.tpm_public), &point),
	    FAIL_HANDLE);
	h.presence = !h.presence;
	h.auth = HANDLE_AUTH_NONE;
	assert_int_equal(template_point(&h, bytes_slice(&h.tpm_public), &point),
	    FAIL_HANDLE);
	handle_reset(&h);
}

/* --- conditions --------------------------------------------------------- */

#define ATTRIBUTES_AT 6
#define POLICY_AT 12

static void
make_pin_object(struct handle *h)
{
	static const char head[] = "\0\x2e\0\x08\0\x0b\0\0\0\x52\0\0\0\x10"
				   "\0\x20";
	uint8_t unique[32];

	memset(unique, 0x77, sizeof(unique));
	assert_int_equal(
	    bytes_set(&h->pin_object_public, head, sizeof(head) - 1), 0);
	assert_int_equal(
	    bytes_append(&h->pin_object_public, unique, sizeof(unique)), 0);
}

/* The table of PROTOCOL.md, written out again. */
static void
test_attributes_and_policy(void **state)
{
	static const struct row {
		enum handle_auth auth;
		uint32_t pcrs;
		uint32_t attributes;
		const char *policy; /* b: B; p, a, s: commands; o: PolicyOR */
	} rows[] = {
		{ HANDLE_AUTH_NONE, 0, 0x40472, "b" },
		{ HANDLE_AUTH_PIN, 0, 0x40072, "b" },
		{ HANDLE_AUTH_NONE, 0x80, 0x40432, "po" },
		{ HANDLE_AUTH_PIN, 0x80, 0x40032, "pao" },
		{ HANDLE_AUTH_PIN_OBJECT, 0, 0x40432, "s" },
		{ HANDLE_AUTH_PIN_OBJECT, 0x80, 0x40432, "ps" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct handle h = {
			.parent = 1, .auth = rows[i].auth, .pcrs = rows[i].pcrs
		};
		uint8_t policy[POLICY_LEN] = { 0 }, b[32], values[32];
		uint8_t name[TPM_NAME_LEN];
		struct bytes area = { 0 };
		const uint8_t *at;

		h.pcr_values[7][0] = 9;
		make_pin_object(&h);
		assert_int_equal(handle_binding(&h, b), 0);
		assert_int_equal(
		    sha256((struct slice){ h.pcr_values[7], 32 }, values), 0);
		assert_int_equal(
		    tpm_compute_name(
			(struct slice){ h.pin_object_public.data + 2, 46 },
			name),
		    0);
		for (const char *c = rows[i].policy; *c != '\0'; c++)
			switch (*c) {
			case 'b':
				memcpy(policy, b, 32);
				break;
			case 'p':
				assert_int_equal(
				    policy_pcr(policy, 0x80, values), 0);
				break;
			case 'a':
				assert_int_equal(policy_auth_value(policy), 0);
				break;
			case 's':
				assert_int_equal(
				    policy_secret(policy,
					(struct slice){ name, sizeof(name) },
					(struct slice){ b, 32 }),
				    0);
				break;
			default:
				assert_int_equal(policy_or(policy, b), 0);
			}
		assert_int_equal(template_public(&h, NULL, &area), 0);
		at = area.data + ATTRIBUTES_AT;
		assert_int_equal(
		    (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3],
		    rows[i].attributes);
		assert_memory_equal(area.data + POLICY_AT, policy, POLICY_LEN);
		bytes_reset(&area);
		handle_reset(&h);
	}
}

static void
test_example_of_the_protocol(void **state)
{
	char said[65], policy[65];
	struct bytes page = { 0 }, area = { 0 };
	struct handle h;

	(void)state;
	protocol_example("handle-conditions", &page);
	protocol_value("handle-conditions", "authPolicy", said);
	assert_int_equal(handle_decode(bytes_slice(&page), &h), 0);
	assert_int_equal(template_public(&h, NULL, &area), 0);
	for (size_t i = 0; i < POLICY_LEN; i++)
		snprintf(policy + 2 * i, 3, "%02x", area.data[POLICY_AT + i]);
	assert_string_equal(policy, said);
	bytes_reset(&page);
	bytes_reset(&area);
	handle_reset(&h);
}

/* Any bit of it but those of its digest, and any length. */
static void
test_pin_object(void **state)
{
	struct handle h = { .parent = 1, .auth = HANDLE_AUTH_PIN_OBJECT };
	struct bytes area = { 0 };

	(void)state;
	make_pin_object(&h);
	for (size_t bit = 0; bit < 48 * 8; bit++) {
		uint8_t *at = h.pin_object_public.data + bit / 8;

		*at ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(template_public(&h, NULL, &area),
		    bit < 16 * 8 ? FAIL_HANDLE : 0);
		*at ^= (uint8_t)(1u << bit % 8);
	}
	while (h.pin_object_public.len-- > 1)
		assert_int_equal(template_public(&h, NULL, &area), FAIL_HANDLE);
	h.pin_object_public.len = 48;
	assert_int_equal(bytes_append(&h.pin_object_public, "", 1), 0);
	assert_int_equal(template_public(&h, NULL, &area), FAIL_HANDLE);
	bytes_reset(&area);
	handle_reset(&h);
}

static void
test_template_of_the_pin_object(void **state)
{
	struct handle h = { 0 };
	struct bytes area = { 0 };

	(void)state;
	make_pin_object(&h);
	assert_int_equal(template_pin_object(&area), 0);
	assert_int_equal(area.len, 16);
	assert_int_equal(area.data[1], 14);
	assert_int_equal(area.data[15], 0);
	assert_memory_equal(area.data + 2, h.pin_object_public.data + 2, 12);
	bytes_reset(&area);
	handle_reset(&h);
}

#define TEST_NAME "template"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_tpm_made),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_length_of_numbers),
		cmocka_unit_test(test_other_handle),
		cmocka_unit_test(test_attributes_and_policy),
		cmocka_unit_test(test_example_of_the_protocol),
		cmocka_unit_test(test_pin_object),
		cmocka_unit_test(test_template_of_the_pin_object),
	};

	return RUN(tests);
}
