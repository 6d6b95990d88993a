/* SPDX-License-Identifier: ISC */
/*
 * Public areas of our keys, against those of two keys that swtpm made
 * (tests/fuzz/corpus/handle, without a PIN and with one).
 */
#include "unit.h"

#include "base/error.h"
#include "corpus.h"
#include "key/template.h"

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

static void
test_conditions(void **state)
{
	struct handle h = { .parent = 1, .pcrs = 1 };
	struct bytes area = { 0 };

	(void)state;
	assert_int_equal(template_public(&h, NULL, &area), FAIL_VERSION);
	h.pcrs = 0;
	h.auth = HANDLE_AUTH_PIN_OBJECT;
	assert_int_equal(template_public(&h, NULL, &area), FAIL_VERSION);
	assert_null(area.data);
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
		cmocka_unit_test(test_conditions),
	};

	return RUN(tests);
}
