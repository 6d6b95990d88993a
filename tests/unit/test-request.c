/* SPDX-License-Identifier: ISC */
/* On messages recorded from real ssh, ssh-keygen and sshd, and near them. */
#include "unit.h"

#include "corpus.h"
#include "request.h"

static enum request_kind
kind_of(const uint8_t *data, size_t len)
{
	struct request req;
	/* No byte longer, so that ASan sees an over-read. */
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct text words;

	assert_non_null(copy);
	memcpy(copy, data, len);
	request_parse((struct slice){ copy, len }, &req);
	request_describe(&req, &words);
	assert_true(words.len > 0);
	for (size_t i = 0; i < words.len; i++)
		assert_true(words.s[i] >= ' ' && words.s[i] <= '~');
	free(copy);
	return req.kind;
}

static void
check_words(const char *name, enum request_kind kind, const char *pattern)
{
	struct slice message = corpus_read(name);
	struct request req;
	struct text words;

	request_parse(message, &req);
	assert_int_equal(req.kind, kind);
	request_describe(&req, &words);
	if (strstr(words.s, pattern) == NULL)
		FAIL_MSG("%s: %s", name, words.s);
	/* A byte less or more is something else. */
	assert_int_equal(
	    kind_of(message.data, message.len - 1), REQUEST_UNKNOWN);
	assert_int_equal(
	    kind_of(message.data, message.len + 1), REQUEST_UNKNOWN);
}

static void
test_recorded(void **state)
{
	(void)state;
	check_words("login", REQUEST_LOGIN,
	    "Sign in as \"root\", on a server that the request does not name");
	check_words("login-hostbound", REQUEST_LOGIN,
	    "Sign in to a server with host key SHA256:");
	check_words("sshsig-git", REQUEST_SSHSIG, "Sign a git commit or tag");
	check_words("sshsig-file", REQUEST_SSHSIG, "Sign a file");
	check_words("sshsig-other@example.com", REQUEST_SSHSIG,
	    "Sign data for \"other@example.com\"");
	check_words("host-key-proof", REQUEST_HOST_KEY_PROOF,
	    "Prove to a client that this host has this key");
	check_words("key-exchange", REQUEST_KEY_EXCHANGE,
	    "Sign a bare hash of 64 bytes, as a server does");
	check_words("certificate-ed25519", REQUEST_CERTIFICATE,
	    "for \"alice\", \"bob\", with id \"a key id\"");
	check_words("certificate-rsa-2048", REQUEST_CERTIFICATE, "a key id");
	check_words("certificate-ecdsa-256", REQUEST_CERTIFICATE, "a key id");
	check_words("certificate-ecdsa-384", REQUEST_CERTIFICATE, "a key id");
	check_words("certificate-ecdsa-521", REQUEST_CERTIFICATE, "a key id");
	check_words("certificate-sk", REQUEST_CERTIFICATE,
	    "Issue a user certificate valid without end for anybody, with id "
	    "\"me\"");
	check_words("certificate-host", REQUEST_CERTIFICATE,
	    "Issue a host certificate valid without end for "
	    "\"host.example\", with id \"host\"");
}

/* Whatever is damaged, nothing is read past the end, and words stay words. */
static void
test_cut_and_flipped(void **state)
{
	static const char *const names[] = { "login-hostbound", "sshsig-git",
		"certificate-sk", "host-key-proof" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct slice m = corpus_read(names[i]);
		uint8_t copy[4096];

		memcpy(copy, m.data, m.len);
		for (size_t n = 0; n < m.len; n++)
			kind_of(copy, n);
		for (size_t bit = 0; bit < m.len * 8; bit++) {
			copy[bit / 8] ^= 1 << bit % 8;
			kind_of(copy, m.len);
			copy[bit / 8] ^= 1 << bit % 8;
		}
	}
}

static size_t
put_string(uint8_t *out, const char *s, size_t len)
{
	out[0] = 0;
	out[1] = (uint8_t)(len >> 16);
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
	memcpy(out + 4, s, len);
	return len + 4;
}

/* A namespace that would clear the screen and say something else. */
static void
test_hostile_words(void **state)
{
	static char big[5000];
	uint8_t m[6000] = "SSHSIG";
	struct request req;
	struct text words;
	size_t len = 6;

	(void)state;
	memset(big, 'x', sizeof(big));
	memcpy(big, "\033[2JSign nothing\"\n", 18);
	len += put_string(m + len, big, sizeof(big));
	len += put_string(m + len, "", 0);
	len += put_string(m + len, "sha512", 6);
	len += put_string(m + len, "h", 1);
	request_parse((struct slice){ m, len }, &req);
	assert_int_equal(req.kind, REQUEST_SSHSIG);
	request_describe(&req, &words);
	assert_true(words.len < 200);
	assert_null(strchr(words.s, '\033'));
	assert_null(strchr(words.s, '\n'));
	assert_non_null(strstr(words.s, "\"\\x1b[2JSign nothing\\x22\\x0a"));
	assert_non_null(strstr(words.s, "...\""));
}

/*
 * Names that take four characters a byte must not push what matters out of
 * the sentence: how long it is valid, and for whom.
 */
static void
test_nothing_is_pushed_out(void **state)
{
	char principals[2000], noise[64];
	struct request req = { .kind = REQUEST_CERTIFICATE };
	struct text words;
	size_t len = 0;

	(void)state;
	memset(noise, 0x01, sizeof(noise));
	len += put_string((uint8_t *)principals + len, noise, sizeof(noise));
	len += put_string((uint8_t *)principals + len, noise, sizeof(noise));
	len += put_string((uint8_t *)principals + len, "root", 4);
	for (int i = 0; i < 3; i++)
		len += put_string((uint8_t *)principals + len, "more", 4);
	req.certificate = (struct certificate){
		.type = CERTIFICATE_USER,
		.key_id = { (const uint8_t *)noise, sizeof(noise) },
		.principals = { (const uint8_t *)principals, len },
		.valid_before = CERTIFICATE_FOREVER,
	};
	request_describe(&req, &words);
	assert_non_null(strstr(words.s, "valid without end"));
	assert_non_null(strstr(words.s, "\"root\""));
	assert_non_null(strstr(words.s, "and 2 others"));
	assert_non_null(strstr(words.s, "with id"));
}

static void
test_strange_messages(void **state)
{
	uint8_t zeros[100] = { 0 };

	(void)state;
	assert_int_equal(kind_of(zeros, 0), REQUEST_UNKNOWN);
	assert_int_equal(kind_of(zeros, 1), REQUEST_UNKNOWN);
	assert_int_equal(kind_of(zeros, 32), REQUEST_KEY_EXCHANGE);
	assert_int_equal(kind_of(zeros, 33), REQUEST_UNKNOWN);
	assert_int_equal(
	    kind_of((const uint8_t *)"SSHSIG", 6), REQUEST_UNKNOWN);
}

#define TEST_NAME "request"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_cut_and_flipped),
		cmocka_unit_test(test_hostile_words),
		cmocka_unit_test(test_nothing_is_pushed_out),
		cmocka_unit_test(test_strange_messages),
	};

	return RUN(tests);
}
