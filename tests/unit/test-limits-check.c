/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "authenticator/limits-check.h"
#include "base/error.h"
#include "base/log.h"
#include "corpus.h"
#include "invented.h"

static int
check(const struct limits *l, const char *name)
{
	struct request req;

	request_parse(corpus_read(name), &req);
	return limits_check(l, &req);
}

static const char *
refusal(const struct limits *l, const char *name)
{
	int r = check(l, name);

	assert_int_equal(r, FAIL_LIMIT);
	return STDERR_OF(log_failure(r));
}

static void
test_no_limit(void **state)
{
	static const char *const names[] = { "login", "sshsig-git",
		"certificate-sk", "host-key-proof", "key-exchange" };
	const struct limits none = { 0 };
	struct request unknown = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(check(&none, names[i]), 0);
	assert_int_equal(limits_check(&none, &unknown), 0);
}

static void
test_kinds(void **state)
{
	struct limits l = { 0 };
	struct request unknown = { .len = 5 };
	const char *out;

	(void)state;
	limits_allow_kind(&l, LIMIT_LOGIN);
	assert_int_equal(check(&l, "login"), 0);
	assert_int_equal(check(&l, "login-hostbound"), 0);
	out = refusal(&l, "sshsig-git");
	assert_non_null(strstr(out,
	    "limited to logins, and this was: "
	    "Sign a git commit or tag; use another"));
	refusal(&l, "certificate-sk");
	refusal(&l, "host-key-proof");
	refusal(&l, "key-exchange");
	assert_int_equal(limits_check(&l, &unknown), FAIL_LIMIT);
	limits_allow_kind(&l, LIMIT_HOST);
	assert_int_equal(check(&l, "host-key-proof"), 0);
	assert_int_equal(check(&l, "key-exchange"), 0);
	out = refusal(&l, "certificate-sk");
	assert_non_null(strstr(out, "logins, being a host"));
	l = (struct limits){ 0 };
	limits_allow_kind(&l, LIMIT_CA);
	assert_int_equal(check(&l, "certificate-host"), 0);
	refusal(&l, "login");
}

static void
test_namespaces(void **state)
{
	const struct slice git = { (const uint8_t *)"git", 3 };
	struct limits l = { 0 };
	const char *out;

	(void)state;
	assert_int_equal(limits_allow_namespace(&l, git), 0);
	assert_int_equal(check(&l, "sshsig-git"), 0);
	out = refusal(&l, "sshsig-file");
	assert_non_null(strstr(out, "limited to signatures for \"git\", and"));
	refusal(&l, "login");
	limits_reset(&l);
}

static void
test_servers(void **state)
{
	const uint8_t other[32] = { 1 };
	uint8_t digest[32];
	struct request req;
	struct limits l = { 0 };
	const char *out;

	(void)state;
	request_parse(corpus_read("login-hostbound"), &req);
	assert_true(sshkey_fingerprint(req.host_key, digest));
	assert_int_equal(limits_allow_server(&l, other), 0);
	out = refusal(&l, "login-hostbound");
	assert_non_null(strstr(out,
	    "limited to logins to the host key "
	    "SHA256:AQAAAA"));
	assert_int_equal(limits_allow_server(&l, digest), 0);
	assert_int_equal(check(&l, "login-hostbound"), 0);
	/* A login that does not name its server cannot be checked. */
	refusal(&l, "login");
	refusal(&l, "sshsig-git");
	limits_reset(&l);
}

/* Types that nobody has invented yet are judged as all others. */
static void
test_unknown_types(void **state)
{
	const struct invented host = { .type_name = "ssh-tomorrow-cert",
		.fields = 2,
		.type = CERTIFICATE_HOST,
		.is_signed = true };
	struct invented asked = { .type_name = "ssh-tomorrow-cert",
		.fields = 2 };
	struct request login = { .kind = REQUEST_LOGIN }, req;
	struct limits ca = { 0 }, server = { 0 };
	struct bytes key = { 0 }, cert = invent(&host), tbs = invent(&asked);
	uint8_t digest[32];

	(void)state;
	limits_allow_kind(&ca, LIMIT_CA);
	request_parse(bytes_slice(&tbs), &req);
	assert_int_equal(limits_check(&ca, &req), 0);
	bytes_reset(&tbs);
	/* One that cannot be read is not. */
	asked.fields = 9;
	tbs = invent(&asked);
	request_parse(bytes_slice(&tbs), &req);
	assert_int_equal(limits_check(&ca, &req), FAIL_LIMIT);

	put_text(&key, "ssh-tomorrow");
	put_text(&key, "pk");
	put_text(&key, "pk");
	assert_true(sshkey_fingerprint(bytes_slice(&key), digest));
	assert_int_equal(limits_allow_server(&server, digest), 0);
	login.host_key = bytes_slice(&key);
	assert_int_equal(limits_check(&server, &login), 0);
	/* The same host with a certificate, and what is another key. */
	login.host_key = bytes_slice(&cert);
	assert_int_equal(limits_check(&server, &login), 0);
	login.host_key.len--;
	assert_int_equal(limits_check(&server, &login), FAIL_LIMIT);
	assert_int_equal(bytes_append(&key, "", 1), 0);
	login.host_key = bytes_slice(&key);
	assert_int_equal(limits_check(&server, &login), FAIL_LIMIT);
	bytes_reset(&key);
	bytes_reset(&cert);
	bytes_reset(&tbs);
}

/* Of a long list, the first three are named. */
static void
test_words_of_many(void **state)
{
	static const char *const names[] = { "git", "file", "mail", "more" };
	uint8_t digest[32] = { 0 };
	struct limits l = { 0 };
	const char *out;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		digest[0] = (uint8_t)i;
		assert_int_equal(limits_allow_namespace(&l,
				     (struct slice){ (const uint8_t *)names[i],
					 4 - (i == 0) }),
		    0);
		assert_int_equal(limits_allow_server(&l, digest), 0);
	}
	out = refusal(&l, "certificate-sk");
	assert_non_null(
	    strstr(out, "for \"git\" or \"file\" or \"mail\" or others"));
	assert_non_null(strstr(out, "or SHA256:AgAAA"));
	assert_non_null(strstr(out, "A or others"));
	assert_null(strstr(out, "SHA256:AwAAA"));
	limits_reset(&l);
}

#define TEST_NAME "limits-check"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_unknown_types),
		cmocka_unit_test(test_words_of_many),
	};

	return RUN(tests);
}
