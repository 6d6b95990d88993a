/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "config.h"
#include "error.h"
#include "log.h"

static void
clear_environment(void)
{
	unsetenv("SK_TPM_TCTI");
	unsetenv("SK_TPM_USER_PRESENCE");
}

static void
test_defaults(void **state)
{
	struct config cfg;

	(void)state;
	clear_environment();
	assert_int_equal(config_load(&cfg), 0);
	assert_string_equal(cfg.tcti, "device:/dev/tpmrm0");
	assert_int_equal(cfg.user_presence, USER_PRESENCE_AUTO);
	config_reset(&cfg);
	config_reset(&cfg);
}

static void
test_environment(void **state)
{
	struct config cfg;

	(void)state;
	clear_environment();
	setenv("SK_TPM_TCTI", "swtpm:port=1", 1);
	setenv("SK_TPM_USER_PRESENCE", "Assume", 1);
	assert_int_equal(config_load(&cfg), 0);
	assert_string_equal(cfg.tcti, "swtpm:port=1");
	assert_int_equal(cfg.user_presence, USER_PRESENCE_ASSUME);
	config_reset(&cfg);
	clear_environment();
}

static void
test_bad_environment_names_the_variable(void **state)
{
	struct config cfg;
	const char *out;

	(void)state;
	clear_environment();
	setenv("SK_TPM_USER_PRESENCE", "maybe", 1);
	assert_int_equal(config_load(&cfg), FAIL_CONFIG);
	out = STDERR_OF(log_failure(FAIL_CONFIG));
	assert_non_null(strstr(out, "SK_TPM_USER_PRESENCE"));
	assert_non_null(strstr(out, "\"maybe\""));
	assert_non_null(strstr(out, "auto or assume"));
	config_reset(&cfg);
	clear_environment();
}

static void
test_tcti_forms(void **state)
{
	static const char *const good[][2] = {
		{ "/dev/tpm0", "device:/dev/tpm0" },
		{ "device:/dev/tpm0", "device:/dev/tpm0" },
		{ "tabrmd:", "tabrmd:" },
		{ "tabrmd", "tabrmd" },
		{ "swtpm:path=/tmp/s", "swtpm:path=/tmp/s" },
		{ "/opt/libtcti.so:conf", "/opt/libtcti.so:conf" },
	};
	static const char *const bad[] = { "", ":", ":port=1", "a b",
		"device:/dev/tpm0\n", "sw\033tpm", "d\xc3\xa9vice:" };
	struct config cfg = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(config_set(&cfg, "tcti", good[i][0], "t"), 0);
		assert_string_equal(cfg.tcti, good[i][1]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    config_set(&cfg, "TCTI", bad[i], "t"), FAIL_CONFIG);
		assert_string_equal(cfg.tcti, "/opt/libtcti.so:conf");
	}
	config_reset(&cfg);
}

static void
test_tcti_of_any_length(void **state)
{
	struct config cfg = { 0 };
	char value[100000];

	(void)state;
	memset(value, 'a', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	assert_int_equal(config_set(&cfg, "TCTI", value, "t"), FAIL_CONFIG);
	assert_null(cfg.tcti);
}

static void
test_unknown_keyword(void **state)
{
	struct config cfg = { 0 };

	(void)state;
	assert_int_equal(config_set(&cfg, "Colour", "red", "t"), FAIL_CONFIG);
}

#define TEST_NAME "config"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_bad_environment_names_the_variable),
		cmocka_unit_test(test_tcti_forms),
		cmocka_unit_test(test_tcti_of_any_length),
		cmocka_unit_test(test_unknown_keyword),
	};

	return RUN(tests);
}
