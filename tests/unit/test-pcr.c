/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/error.h"
#include "base/log.h"
#include "tpm/pcr.h"

static void
test_lists(void **state)
{
	static const struct {
		const char *list;
		uint32_t pcrs;
	} lists[] = {
		{ "0", 1u << 0 },
		{ "7", 1u << 7 },
		{ "22", 1u << 22 },
		{ "7+4", 1u << 7 | 1u << 4 },
		{ "7,4", 1u << 7 | 1u << 4 },
		{ "0+1,2+15", 0x8007 },
		{ "0+1+2+3+4+5+6+7+8+9+10+11+12+13+14+15+17+18+19+20+21+22",
		    0x7effff },
	};
	uint32_t pcrs;

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_int_equal(pcr_parse(lists[i].list, &pcrs), 0);
		assert_int_equal(pcrs, lists[i].pcrs);
	}
}

static void
test_what_is_no_list(void **state)
{
	static const char *const lists[] = { "", "+", "7+", "+7", "7++4", "7 4",
		" 7", "7 ", "7\n", "-7", "07", "00", "0x7", "007", "7;4",
		"7:sha256", "secure-boot-policy", "170", "4294967303" };
	uint32_t pcrs = 5;
	int r;

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		r = pcr_parse(lists[i], &pcrs);
		assert_int_equal(r, FAIL_ARGUMENT);
		assert_non_null(
		    strstr(STDERR_OF(log_failure(r)), "is not a list of PCRs"));
	}
	assert_int_equal(pcrs, 5);
}

static void
refuses(const char *list, const char *says)
{
	uint32_t pcrs = 5;
	int r = pcr_parse(list, &pcrs);

	assert_int_equal(r, FAIL_ARGUMENT);
	assert_non_null(strstr(STDERR_OF(log_failure(r)), says));
	assert_int_equal(pcrs, 5);
}

static void
test_what_cannot_be_used(void **state)
{
	(void)state;
	refuses("16", "PCR 16, but on 0 to 15 and 17 to 22; anybody can reset");
	refuses("7+23", "PCR 23, but on 0 to 15 and 17 to 22; anybody");
	refuses("24", "PCR 24, but on 0 to 15 and 17 to 22; there are no");
	refuses("99,7", "PCR 99");
	refuses("7+4+7", "names PCR 7 twice");
}

static void
test_usable(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 40; i++)
		assert_int_equal(pcr_is_usable(i), i < 23 && i != 16);
	assert_false(pcr_is_usable(UINT64_MAX));
	assert_false(pcr_is_usable((1ull << 32) + 7));
}

static const char *
numbers(uint32_t pcrs)
{
	static struct text t;

	t = (struct text){ 0 };
	pcr_add_numbers(&t, pcrs);
	return t.s;
}

static void
test_numbers(void **state)
{
	(void)state;
	assert_string_equal(numbers(1u << 7), "PCR 7");
	assert_string_equal(numbers(1u << 22), "PCR 22");
	assert_string_equal(numbers(1u << 7 | 1u << 4), "PCRs 4 and 7");
	assert_string_equal(
	    numbers(1u << 0 | 1u << 11 | 1u << 7), "PCRs 0, 7 and 11");
}

/* All of them at once are not too long for a line. */
static void
test_words(void **state)
{
	struct text t = { 0 };

	(void)state;
	pcr_add_words(&t, 1u << 7 | 1u << 4);
	assert_string_equal(t.s,
	    "PCRs 4 (the boot loader, or a kernel that the firmware starts) and "
	    "7 (Secure Boot: whether it is on, its keys and databases)");
	t = (struct text){ 0 };
	pcr_add_words(&t, 0xffffff);
	assert_non_null(strstr(t.s, " and 23 ("));
	assert_null(strstr(t.s, "..."));
	assert_null(strstr(t.s, "(null)"));
}

#define TEST_NAME "pcr"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_what_is_no_list),
		cmocka_unit_test(test_what_cannot_be_used),
		cmocka_unit_test(test_usable),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_words),
	};

	return RUN(tests);
}
