/* SPDX-License-Identifier: ISC */
/* The records of uses. That they reach syslog is tests/e2e/use.sh's to show. */
#include "unit.h"

#include "authenticator/authdata.h"
#include "authenticator/use.h"
#include "base/error.h"
#include "base/wire.h"

static const struct ec_point point;

/* A record of a signature for this namespace; valid until the next call. */
static const char *
record_of(struct use use, struct slice namespace)
{
	static struct text t;
	struct bytes message = { 0 };
	struct request what;

	assert_int_equal(bytes_append(&message, "SSHSIG", 6), 0);
	assert_int_equal(wire_put_string(&message, namespace), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(wire_put_text(&message, "x"), 0);
	request_parse(bytes_slice(&message), &what);
	use.application = "ssh:";
	use.what = &what;
	t = (struct text){ 0 };
	use_describe(&use, &t);
	assert_string_equal(what.words.s, request_describe(&what)->s);
	for (size_t i = 0; i < t.len; i++)
		assert_true(t.s[i] >= ' ' && t.s[i] <= '~');
	bytes_reset(&message);
	return t.s;
}

static void
check(const char *record, const char *begin, const char *end)
{
	size_t len = strlen(record), n = strlen(end);

	if (strncmp(record, begin, strlen(begin)) != 0 || len < n ||
	    strcmp(record + len - n, end) != 0)
		FAIL_MSG("%s\n", record);
}

static void
test_signed(void **state)
{
	static const struct {
		uint8_t flags;
		const char *words;
	} cases[] = {
		{ 0, ", presence no, PIN no, uid " },
		{ FIDO_FLAG_UP, ", presence yes, PIN no, uid " },
		{ FIDO_FLAG_UV, ", presence no, PIN yes, uid " },
		{ FIDO_FLAG_UP | FIDO_FLAG_UV,
		    ", presence yes, PIN yes, uid " },
	};
	const char *record;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		record = record_of(
		    (struct use){ .point = &point, .flags = cases[i].flags },
		    slice_of_text("file"));
		check(record, "signed: key SHA256:", ": Sign a file");
		assert_non_null(strstr(record, cases[i].words));
	}
	record = record_of(
	    (struct use){
		.point = &point, .flags = FIDO_FLAG_UV, .by_ticket = true },
	    slice_of_text("file"));
	assert_non_null(strstr(record, ", presence no, PIN earlier, uid "));
}

static void
test_not_signed(void **state)
{
	const struct use use = {
		.point = &point,
		.flags = FIDO_FLAG_UP,
		.result = fail(FAIL_REFUSED, "said \"no\" \033[1mtwice"),
	};
	const char *record = record_of(use, slice_of_text("git"));

	(void)state;
	check(record, "not signed: key SHA256:", ": Sign a git commit or tag");
	assert_non_null(strstr(
	    record, ", because \"said \\x22no\\x22 \\x1b[1mtwice\", uid "));
	assert_null(strstr(record, "presence"));
	/* Whoever altered a key file is to be found by it as well. */
	record = record_of(
	    (struct use){ .result = FAIL_HANDLE }, slice_of_text("git"));
	check(record, "not signed: key unknown, because \"", "or tag");
}

/* The caller can be told from what it says, and who it is from the rest. */
static void
test_caller(void **state)
{
	char caller[64];

	(void)state;
	snprintf(caller, sizeof(caller), ", uid %ld, caller %ld \"",
	    (long)geteuid(), (long)getppid());
	assert_non_null(strstr(
	    record_of((struct use){ .point = &point }, slice_of_text("file")),
	    caller));
}

/* What is foreign stays within its quotes, and cuts nothing else away. */
static void
test_foreign_words(void **state)
{
	static const char evil[] = "x\": Sign a file\nsigned: key \xff";
	static uint8_t longest[4000];
	const char *record;

	(void)state;
	check(record_of((struct use){ .point = &point }, slice_of_text(evil)),
	    "signed: key SHA256:",
	    ": Sign data for \"x\\x22: Sign a file\\x0asigned: key \\xff\"");
	memset(longest, '\n', sizeof(longest));
	record = record_of((struct use){ .point = &point },
	    (struct slice){ longest, sizeof(longest) });
	check(record, "signed: key SHA256:", "\\x0a...\"");
	assert_true(strlen(record) < 1024);
}

#define TEST_NAME "use"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signed),
		cmocka_unit_test(test_not_signed),
		cmocka_unit_test(test_caller),
		cmocka_unit_test(test_foreign_words),
	};

	return RUN(tests);
}
