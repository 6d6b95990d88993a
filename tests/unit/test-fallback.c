/* SPDX-License-Identifier: ISC */
/*
 * Talking to an ssh-sk-helper: which one, and what becomes of its answers. A
 * script stands in for it. tests/e2e/fido-token.sh has OpenSSH's own.
 */
#include "unit.h"

#include "helper-answers.h"
#include "programs.h"

#include "base/error.h"
#include "base/log.h"
#include "fallback/fallback.h"

static char other[] = "/lib/other.so", internal[] = FALLBACK_INTERNAL;
static struct config cfg;
static struct bytes answer;

static int
set_up(void **state)
{
	static const char *const files[] = { "helper", "answer", "answer-2",
		"request", "request-2", "provider" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		programs_forget(files[i]);
	cfg = (struct config){ .fallback_provider = other };
	unsetenv("SSH_SK_HELPER");
	bytes_reset(&answer);
	return 0;
}

/* The helper runs these lines, with the socket at its stdin and stdout. */
static void
helper_runs(const char *lines)
{
	setenv("SSH_SK_HELPER", programs_script("helper", lines), 1);
}

/* A request is one send(2), so one read(2) has it. */
#define TAKE(file) "dd bs=65536 count=1 of=" file " 2>/dev/null\n"

/* It takes a request, and sends as many bytes of `answer` as `length` says. */
static void
helper_answers_as_if(uint32_t length)
{
	struct bytes sent = { 0 };

	assert_int_equal(wire_put_u32(&sent, length), 0);
	assert_int_equal(bytes_append(&sent, answer.data, answer.len), 0);
	programs_write("answer", sent.data, sent.len);
	bytes_reset(&sent);
	helper_runs(TAKE("request") "cat answer");
}

static void
helper_answers(void)
{
	helper_answers_as_if((uint32_t)answer.len);
}

static int
sign(struct helper_signature *ret)
{
	struct helper_sign_request req = {
		.algorithm = HELPER_ED25519,
		.application = "ssh:",
		.key_handle = SLICE("handle"),
		.message = SLICE("message"),
		.flags = 0,
	};

	return fallback_sign(&cfg, &req, ret);
}

static int
enroll(struct helper_key *ret)
{
	struct helper_enroll_request req = { .application = "ssh:" };

	return fallback_enroll(&cfg, &req, ret);
}

/* It failed so, and what a person reads has these words. */
static void
assert_failure(int r, int expected, const char *words)
{
	const char *out;

	assert_int_equal(r, expected);
	out = STDERR_OF(log_failure(r));
	if (strstr(out, words) == NULL)
		FAIL_MSG("%s is not in %s", words, out);
}

static void
assert_sign_fails(int expected, const char *words)
{
	assert_failure(sign(&(struct helper_signature){ 0 }), expected, words);
}

static void
assert_enroll_fails(int expected, const char *words)
{
	assert_failure(enroll(&(struct helper_key){ 0 }), expected, words);
}

static void
test_no_fallback(void **state)
{
	(void)state;
	helper_answers();
	cfg.fallback_provider = NULL;
	assert_sign_fails(FAIL_NOT_OURS, "was not made by sk-tpm");
	assert_enroll_fails(FAIL_UNSUPPORTED, "use -t ecdsa-sk");
	assert_string_equal(programs_read("request", NULL), "");
}

static void
test_signature(void **state)
{
	struct helper_signature sig = { 0 };
	uint8_t raw[64] = { 1, 2 };
	size_t len;
	const char *request;

	(void)state;
	make_signature(ED25519_SK, (struct slice){ raw, 64 }, &answer);
	helper_answers();
	assert_int_equal(sign(&sig), 0);
	assert_int_equal(sig.r.len, 64);
	assert_memory_equal(sig.r.data, raw, 64);
	helper_signature_reset(&sig);
	request = programs_read("request", &len);
	assert_non_null(memmem(request, len, other, strlen(other)));
	assert_non_null(memmem(request, len, "message", 7));
}

/* Should the fallback be this library, it goes no further. */
static void
test_no_fallback_of_the_fallback(void **state)
{
	(void)state;
	setenv("SK_TPM_FALLBACK_PROVIDER", "/lib/other.so", 1);
	helper_runs(TAKE(
	    "request") "printf %s \"$SK_TPM_FALLBACK_PROVIDER\" >provider");
	assert_sign_fails(FAIL_FALLBACK, "gave no answer");
	assert_string_equal(programs_read("provider", NULL), "none");
	unsetenv("SK_TPM_FALLBACK_PROVIDER");
}

static void
test_no_answer(void **state)
{
	(void)state;
	helper_runs(TAKE("request") "exit 1");
	assert_sign_fails(FAIL_FALLBACK, "gave no answer");
	helper_runs(TAKE("request") "kill -KILL $$");
	assert_sign_fails(FAIL_FALLBACK, "gave no answer");
	helper_runs(TAKE("request") "printf abc");
	assert_sign_fails(FAIL_FALLBACK, "gave no answer");
}

static void
test_answer_that_is_none(void **state)
{
	(void)state;
	helper_answers_as_if(0);
	assert_sign_fails(FAIL_FALLBACK, "cannot be read");
	make_refusal(60, &answer);
	helper_answers_as_if(HELPER_MAX_ANSWER + 1);
	assert_sign_fails(FAIL_FALLBACK, "cannot be read");
	helper_answers_as_if(UINT32_MAX);
	assert_sign_fails(FAIL_FALLBACK, "cannot be read");
	helper_answers_as_if((uint32_t)answer.len + 1);
	assert_sign_fails(FAIL_FALLBACK, "cut short");
	helper_answers_as_if((uint32_t)answer.len - 1);
	assert_sign_fails(FAIL_FALLBACK, "cannot be read");
	/* In two parts it is one all the same. */
	helper_answers();
	helper_runs(TAKE("request") "head -c 6 answer; tail -c +7 answer");
	assert_sign_fails(FAIL_NO_TOKEN, "finds no device");
}

static void
test_refusals(void **state)
{
	(void)state;
	make_refusal(60, &answer);
	helper_answers();
	assert_sign_fails(FAIL_NO_TOKEN, "/lib/other.so finds no device");
	assert_enroll_fails(FAIL_NO_TOKEN, "/lib/other.so finds no device");
	cfg.fallback_provider = internal;
	assert_sign_fails(FAIL_NO_TOKEN, "OpenSSH's own provider finds no");
	assert_enroll_fails(FAIL_NO_TOKEN, "OpenSSH's own provider finds no");
	/* OpenSSH 8.4's own says no more without a device. */
	bytes_reset(&answer);
	make_refusal(4, &answer);
	helper_answers();
	assert_sign_fails(FAIL_NO_REASON, "plugged in?");
	assert_enroll_fails(FAIL_NO_REASON, "plugged in?");
	cfg.fallback_provider = other;
	assert_sign_fails(FAIL_FALLBACK, "OpenSSH's error -4");
	assert_enroll_fails(FAIL_FALLBACK, "OpenSSH's error -4");
	bytes_reset(&answer);
	make_refusal(43, &answer);
	helper_answers();
	assert_sign_fails(FAIL_PIN_REQUIRED, "PIN");
	assert_enroll_fails(FAIL_PIN_REQUIRED, "PIN");
}

static void
test_helper_without_builtin(void **state)
{
	(void)state;
	make_refusal(4, &answer);
	helper_answers();
	helper_runs(TAKE("request") "cat answer; exit # internal security key "
				    "support not enabled");
	cfg.fallback_provider = internal;
	assert_sign_fails(FAIL_NO_TOKEN, "built without its own provider");
	assert_enroll_fails(FAIL_UNSUPPORTED, "built without its own provider");
	cfg.fallback_provider = other;
	assert_sign_fails(FAIL_FALLBACK, "OpenSSH's error -4");
}

/* The older number first; a newer OpenSSH refuses that, and takes the other. */
static void
test_both_numbers_of_ed25519(void **state)
{
	struct helper_key key = { 0 };
	struct bytes old = { 0 };
	const char *request;
	size_t len;

	(void)state;
	make_key(&answer);
	helper_answers();
	programs_copy("answer", "answer-2");
	bytes_reset(&answer);
	make_refusal(10, &answer);
	helper_answers();
	helper_runs("[ ! -e request ] || {\n" TAKE(
	    "request-2") "cat answer-2; exit; }\n" TAKE("request") "cat answer");
	assert_int_equal(enroll(&key), 0);
	assert_int_equal(key.public_key.data[0], 9);
	helper_key_reset(&key);
	/* Behind length, version, type and how to log. */
	request = programs_read("request", &len);
	assert_true(len > 18);
	assert_int_equal(bytes_set(&old, request, len), 0);
	assert_int_equal(old.data[17], HELPER_TYPE_ED25519_SK_OLD);
	request = programs_read("request-2", &len);
	assert_int_equal(len, old.len);
	assert_int_equal(request[17], HELPER_TYPE_ED25519_SK);
	assert_memory_equal(request, old.data, 17);
	assert_memory_equal(request + 18, old.data + 18, len - 18);
	bytes_reset(&old);
}

static void
test_which_helper(void **state)
{
	char path[64], longer[8];

	(void)state;
	setenv("SSH_SK_HELPER", "/bin/sh", 1);
	assert_true(fallback_find_helper(path, sizeof(path)));
	assert_string_equal(path, "/bin/sh");
	assert_false(fallback_find_helper(longer, 7));
	assert_true(fallback_find_helper(longer, 8));
	setenv("SSH_SK_HELPER", "/etc/passwd", 1);
	assert_false(fallback_find_helper(path, sizeof(path)));
	setenv("SSH_SK_HELPER", programs_file("nowhere"), 1);
	assert_sign_fails(FAIL_FALLBACK, "was not found");
	/* It is there, but does not run. */
	helper_runs("");
	programs_write("helper", "#!/nowhere\n", 11);
	assert_sign_fails(FAIL_FALLBACK, "cannot run");
}

static void
test_what_lacks_builtin(void **state)
{
	static const char words[] = "internal security key support not enabled";

	(void)state;
	programs_write("helper", words, sizeof(words) - 1);
	assert_true(fallback_helper_lacks_builtin(programs_file("helper")));
	programs_write("helper", words, sizeof(words) - 2);
	assert_false(fallback_helper_lacks_builtin(programs_file("helper")));
	programs_write("helper", "", 0);
	assert_false(fallback_helper_lacks_builtin(programs_file("helper")));
	assert_false(fallback_helper_lacks_builtin(programs_dir));
	assert_false(fallback_helper_lacks_builtin("/dev/zero"));
	assert_false(fallback_helper_lacks_builtin(programs_file("nowhere")));
}

#define TEST_NAME "fallback"
#define TEST(name) cmocka_unit_test_setup(name, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_fallback),
		TEST(test_signature),
		TEST(test_no_fallback_of_the_fallback),
		TEST(test_no_answer),
		TEST(test_answer_that_is_none),
		TEST(test_refusals),
		TEST(test_helper_without_builtin),
		TEST(test_both_numbers_of_ed25519),
		TEST(test_which_helper),
		TEST(test_what_lacks_builtin),
	};
	int failed = RUN(tests);

	bytes_reset(&answer);
	programs_remove();
	return failed;
}
