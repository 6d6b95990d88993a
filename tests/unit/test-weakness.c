/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "doctor/weakness.h"

static enum finding
find(const char *vendor, unsigned int major, unsigned int minor)
{
	const char *text = NULL, *remedy = NULL;
	enum finding f = weakness_find(vendor, major, minor, &text, &remedy);

	assert_non_null(text);
	assert_int_equal(f == FINDING_OK, remedy == NULL);
	return f;
}

static void
test_tpm_fail(void **state)
{
	(void)state;
	assert_int_equal(find("STM", 73, 4), FINDING_WRONG);
	assert_int_equal(find("STM", 74, 16), FINDING_WRONG);
	assert_int_equal(find("STM", 73, 20), FINDING_OK);
	assert_int_equal(find("STM", 1, 256), FINDING_OK);
	assert_int_equal(find("INTC", 11, 8), FINDING_WARNING);
	assert_int_equal(find("INTC", 500, 16), FINDING_OK);
	assert_int_equal(find("IFX", 73, 4), FINDING_OK);
	assert_int_equal(find("", 0, 0), FINDING_OK);
}

#define TEST_NAME "weakness"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tpm_fail),
	};

	return RUN(tests);
}
