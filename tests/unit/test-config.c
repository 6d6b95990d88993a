/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sys/stat.h>

#include "base/error.h"
#include "base/log.h"
#include "config.h"

static char empty_file[] = "/tmp/sk-tpm-config.XXXXXX";

static void
clear_environment(void)
{
	unsetenv("SK_TPM_TCTI");
	unsetenv("SK_TPM_USER_PRESENCE");
	unsetenv("SK_TPM_PRESENCE_TIMEOUT");
	unsetenv("SK_TPM_PARENT");
	unsetenv("SK_TPM_LOG_LEVEL");
	unsetenv("SK_TPM_LOG_USE");
	unsetenv("SK_TPM_NOTIFY");
	unsetenv("SK_TPM_SPEND_LAST_TRY");
	unsetenv("SK_TPM_FALLBACK_PROVIDER");
	unsetenv("SK_TPM_PIN_LIFETIME");
	setenv("SK_TPM_CONFIG", empty_file, 1);
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
	assert_int_equal(cfg.presence_timeout, 60);
	assert_int_equal(cfg.parent, 0);
	assert_int_equal(cfg.log_level, LOG_LEVEL_INFO);
	assert_false(cfg.log_use);
	assert_false(cfg.notify);
	assert_false(cfg.spend_last_try);
	assert_int_equal(cfg.pin_lifetime, CONFIG_PIN_LIFETIME_KEYS);
	assert_string_equal(cfg.fallback_provider, "internal");
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
test_fallback_provider(void **state)
{
	struct config cfg;

	(void)state;
	clear_environment();
	assert_int_equal(config_load(&cfg), 0);
	assert_int_equal(
	    config_set(&cfg, "FallbackProvider", "/lib/x.so", "test"), 0);
	assert_string_equal(cfg.fallback_provider, "/lib/x.so");
	assert_int_equal(
	    config_set(&cfg, "fallbackprovider", "x.so", "test"), FAIL_CONFIG);
	assert_string_equal(cfg.fallback_provider, "/lib/x.so");
	assert_int_equal(
	    config_set(&cfg, "FallbackProvider", "INTERNAL", "test"), 0);
	assert_string_equal(cfg.fallback_provider, "internal");
	assert_int_equal(
	    config_set(&cfg, "FallbackProvider", "None", "test"), 0);
	assert_null(cfg.fallback_provider);
	config_reset(&cfg);
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
	assert_non_null(strstr(out, "use auto, "));
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

static void
test_values(void **state)
{
	static const struct {
		const char *keyword, *value;
		int good;
	} cases[] = {
		{ "UserPresence", "auto", 1 },
		{ "UserPresence", "askpass", 1 },
		{ "userpresence", "TERMINAL", 1 },
		{ "UserPresence", "fprintd", 1 },
		{ "UserPresence", "assume", 1 },
		{ "UserPresence", "command /bin/true", 1 },
		{ "UserPresence", "command true", 0 },
		{ "UserPresence", "command", 0 },
		{ "UserPresence", "command ", 0 },
		{ "UserPresence", "", 0 },
		{ "PresenceTimeout", "1", 1 },
		{ "PresenceTimeout", "30s", 1 },
		{ "PresenceTimeout", "60m", 1 },
		{ "PresenceTimeout", "0", 0 },
		{ "PresenceTimeout", "-1", 0 },
		{ "PresenceTimeout", "61m", 0 },
		{ "PresenceTimeout", "1h", 1 },
		{ "PresenceTimeout", "1h1s", 0 },
		{ "PINLifetime", "10m", 1 },
		{ "PINLifetime", "None", 1 },
		{ "PINLifetime", "0", 0 },
		{ "PINLifetime", "53w", 0 },
		{ "PINLifetime", "1h30m", 1 },
		{ "PresenceTimeout", "99999999999999999999", 0 },
		{ "PresenceTimeout", "", 0 },
		{ "Parent", "auto", 1 },
		{ "Parent", "0x81000002", 1 },
		{ "Parent", "0x80000000", 0 },
		{ "Parent", "0x82000000", 0 },
		{ "Parent", "81000001", 0 },
		{ "Parent", "0x81000001 ", 0 },
		{ "LogLevel", "debug", 1 },
		{ "LogLevel", "DEBUG3", 0 },
		{ "LogUse", "yes", 1 },
		{ "LogUse", "info", 0 },
		{ "Notify", "YES", 1 },
		{ "Notify", "on", 0 },
		{ "SpendLastTry", "yes", 1 },
		{ "SpendLastTry", "No", 1 },
		{ "SpendLastTry", "maybe", 0 },
	};
	struct config cfg = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if ((config_set(&cfg, cases[i].keyword, cases[i].value, "t") ==
			0) != cases[i].good)
			FAIL_MSG("%s %s", cases[i].keyword, cases[i].value);
	assert_string_equal(cfg.presence_command, "/bin/true");
	assert_int_equal(cfg.presence_timeout, 3600);
	assert_int_equal(cfg.parent, 0x81000002);
	assert_int_equal(cfg.pin_lifetime, 5400);
	assert_true(cfg.log_use);
	assert_true(cfg.notify);
	assert_false(cfg.spend_last_try);
	config_reset(&cfg);
}

/* Reads `text` as a file of mode `mode`; returns the error line, or "". */
static const char *
read_text(struct config *cfg, const char *text, size_t len, mode_t mode)
{
	char path[] = "/tmp/sk-tpm-config.XXXXXX";
	int fd = mkstemp(path), r = 0;
	const char *out;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	*cfg = (struct config){ 0 };
	r = config_read_file(cfg, path);
	out = STDERR_OF(r == 0 ? (void)0 : log_failure(r));
	unlink(path);
	assert_int_equal(r == 0, *out == '\0');
	return out;
}

static void
test_file_syntax(void **state)
{
	static const char text[] = "# a comment\n"
				   "\n"
				   "  TCTI\tswtpm:port=7  # the test's\n"
				   "LogLevel=debug\t# tab # and space\n"
				   "presencetimeout = 2m\r\n"
				   "Tcti tabrmd:\n"
				   "SpendLastTry yes";
	static const char quoted[] = "UserPresence \"command /a b#c\" # x\n";
	struct config cfg;

	(void)state;
	assert_string_equal(read_text(&cfg, text, strlen(text), 0600), "");
	/* The first value counts, as in ssh_config. */
	assert_string_equal(cfg.tcti, "swtpm:port=7");
	assert_int_equal(cfg.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(cfg.presence_timeout, 120);
	assert_true(cfg.spend_last_try);
	config_reset(&cfg);
	assert_string_equal(read_text(&cfg, quoted, strlen(quoted), 0600), "");
	assert_string_equal(cfg.presence_command, "/a b#c");
	config_reset(&cfg);
	assert_string_equal(read_text(&cfg, "", 0, 0600), "");
	config_reset(&cfg);
}

static void
test_bad_files(void **state)
{
	static char long_line[5000];
	static const struct {
		const char *text, *says;
		size_t len;
	} cases[] = {
		{ "\nColour red\n", "line 2: no setting is called \"Colour\"",
		    12 },
		{ "LogLevel\n", "line 1: \"LogLevel\" is not a keyword", 9 },
		{ "LogLevel loud\n", "line 1: LogLevel: \"loud\"", 14 },
		{ "=\n", "line 1", 2 },
		{ "TCTI \"a\n", "line 1", 8 },
		{ "TCTI \"a\" b\n", "line 1", 11 },
		{ "TCTI a\0b\n", "line 1", 9 },
		{ "LogLevel \xff\n", "line 1: LogLevel", 11 },
		{ long_line, "line 1: longer than 1024", sizeof(long_line) },
	};
	struct config cfg;
	const char *out;

	(void)state;
	memset(long_line, 'x', sizeof(long_line));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		out = read_text(&cfg, cases[i].text, cases[i].len, 0600);
		if (strstr(out, cases[i].says) == NULL)
			FAIL_MSG("%zu: %s", i, out);
		config_reset(&cfg);
	}
	/* It names what is allowed, as well. */
	out = read_text(&cfg, "x y\n", 4, 0600);
	assert_non_null(strstr(out,
	    "TCTI, UserPresence, PresenceTimeout, "
	    "Parent, LogLevel, LogUse, Notify, SpendLastTry, "
	    "FallbackProvider"));
	config_reset(&cfg);
}

/* As where the disk fails: nothing of it is at address 0. */
static void
test_file_that_cannot_be_read(void **state)
{
	struct config cfg = { 0 };
	const char *out;

	(void)state;
	assert_int_equal(config_read_file(&cfg, "/proc/self/mem"), FAIL_CONFIG);
	out = STDERR_OF(log_failure(FAIL_CONFIG));
	assert_non_null(strstr(out, "cannot read /proc/self/mem: "));
	config_reset(&cfg);
}

static void
test_files_of_others(void **state)
{
	struct config cfg;

	(void)state;
	assert_non_null(
	    strstr(read_text(&cfg, "", 0, 0620), "can be written by others"));
	assert_non_null(
	    strstr(read_text(&cfg, "", 0, 0602), "can be written by others"));
	assert_string_equal(read_text(&cfg, "", 0, 0644), "");
	config_reset(&cfg);
	assert_int_equal(config_read_file(&cfg, "/"), FAIL_CONFIG);
	assert_int_equal(config_read_file(&cfg, "/no/such"), FAIL_CONFIG);
	assert_int_equal(config_read_file_if_there(&cfg, "/no/such"), 0);
	assert_int_equal(config_read_file_if_there(&cfg, "/"), FAIL_CONFIG);
}

/* The settings of the system are left, and those of no directory. */
static void
test_no_home(void **state)
{
	const bool root = geteuid() == 0;
	struct config cfg;
	int r;

	(void)state;
	clear_environment();
	unsetenv("SK_TPM_CONFIG");
	setenv("HOME", "relative", 1);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	r = config_load(&cfg);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(r, 0);
	assert_non_null(cfg.tcti);
	config_reset(&cfg);
	clear_environment();
}

static void
test_environment_overrides_the_file(void **state)
{
	char path[] = "/tmp/sk-tpm-config.XXXXXX";
	static const char text[] = "TCTI tabrmd:\nLogLevel error\n";
	int fd = mkstemp(path);
	struct config cfg;

	(void)state;
	assert_true(write(fd, text, strlen(text)) > 0);
	close(fd);
	clear_environment();
	setenv("SK_TPM_CONFIG", path, 1);
	setenv("SK_TPM_LOG_LEVEL", "debug", 1);
	assert_int_equal(config_load(&cfg), 0);
	assert_string_equal(cfg.tcti, "tabrmd:");
	assert_int_equal(cfg.log_level, LOG_LEVEL_DEBUG);
	config_reset(&cfg);
	setenv("SK_TPM_CONFIG", "/no/such/file", 1);
	assert_int_equal(config_load(&cfg), FAIL_CONFIG);
	config_reset(&cfg);
	unlink(path);
	clear_environment();
}

static void
test_endorsement_key(void **state)
{
	static const char id[] =
	    "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
	static const char *const bad[] = { "", "SHA256:", "sha256:AAAA",
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
		"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
		"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUA",
		"SHA256:AAAA" };
	struct config cfg = { 0 };

	(void)state;
	assert_int_equal(config_set(&cfg, "EndorsementKey", id, "test"), 0);
	assert_string_equal(cfg.endorsement_key, id);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    config_set(&cfg, "EndorsementKey", bad[i], "test"),
		    FAIL_CONFIG);
	assert_string_equal(cfg.endorsement_key, id);
	assert_int_equal(config_set(&cfg, "EndorsementKey", "none", "test"), 0);
	assert_null(cfg.endorsement_key);
	config_reset(&cfg);
}

static void
test_endorsement_roots(void **state)
{
	struct config cfg = { 0 };

	(void)state;
	assert_int_equal(
	    config_set(&cfg, "EndorsementRoots", "/etc/roots", "test"), 0);
	assert_string_equal(cfg.endorsement_roots, "/etc/roots");
	assert_int_equal(
	    config_set(&cfg, "EndorsementRoots", "roots", "test"), FAIL_CONFIG);
	assert_string_equal(cfg.endorsement_roots, "/etc/roots");
	assert_int_equal(
	    config_set(&cfg, "EndorsementRoots", "none", "test"), 0);
	assert_null(cfg.endorsement_roots);
	config_reset(&cfg);
}

#define TEST_NAME "config"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_fallback_provider),
		cmocka_unit_test(test_endorsement_key),
		cmocka_unit_test(test_endorsement_roots),
		cmocka_unit_test(test_bad_environment_names_the_variable),
		cmocka_unit_test(test_tcti_forms),
		cmocka_unit_test(test_tcti_of_any_length),
		cmocka_unit_test(test_unknown_keyword),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_file_syntax),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_file_that_cannot_be_read),
		cmocka_unit_test(test_files_of_others),
		cmocka_unit_test(test_no_home),
		cmocka_unit_test(test_environment_overrides_the_file),
	};
	int fd = mkstemp(empty_file), failed;

	assert_true(fd >= 0);
	close(fd);
	failed = RUN(tests);
	unlink(empty_file);
	return failed;
}
