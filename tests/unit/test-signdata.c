/* SPDX-License-Identifier: ISC */
/* On messages recorded from real ssh, ssh-keygen and sshd, and near them. */
#include "unit.h"

#include <openssl/evp.h>

#include "corpus.h"
#include "invented.h"
#include "ssh/signdata.h"

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
	words = *request_describe(&req);
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
	words = *request_describe(&req);
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
	    "for \"alice\", \"bob\", valid until 2");
	check_words("certificate-ed25519", REQUEST_CERTIFICATE,
	    ", id \"a key id\", serial number 7");
	check_words("certificate-rsa-2048", REQUEST_CERTIFICATE, "a key id");
	check_words("certificate-ecdsa-256", REQUEST_CERTIFICATE, "a key id");
	check_words("certificate-ecdsa-384", REQUEST_CERTIFICATE, "a key id");
	check_words("certificate-ecdsa-521", REQUEST_CERTIFICATE, "a key id");
	check_words("certificate-sk", REQUEST_CERTIFICATE,
	    "Issue a user certificate to the key SHA256:");
	check_words("certificate-sk", REQUEST_CERTIFICATE,
	    " for no name (OpenSSH before 10.3 takes that for any), valid "
	    "without end, id \"me\", serial number 0");
	check_words("certificate-host", REQUEST_CERTIFICATE,
	    " for \"host.example\", valid without end, id \"host\", serial "
	    "number 0");
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
			copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
			kind_of(copy, m.len);
			copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
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
	words = *request_describe(&req);
	assert_true(words.len < 200);
	assert_null(strchr(words.s, '\033'));
	assert_null(strchr(words.s, '\n'));
	assert_non_null(strstr(words.s, "\"\\x1b[2JSign nothing\\x22\\x0a"));
	assert_non_null(strstr(words.s, "...\""));
}

static void
describe_invented(const struct invented *i, struct text *ret)
{
	struct bytes b = invent(i);
	struct request req;

	request_parse(bytes_slice(&b), &req);
	assert_int_equal(req.kind, REQUEST_CERTIFICATE);
	*ret = *request_describe(&req);
	bytes_reset(&b);
}

/* OpenSSL, out of memory. */
static bool no_digests;
EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void);
EVP_MD_CTX *__real_EVP_MD_CTX_new(void);

EVP_MD_CTX *
__wrap_EVP_MD_CTX_new(void)
{
	return no_digests ? NULL : __real_EVP_MD_CTX_new();
}

static void
test_no_memory(void **state)
{
	const struct invented make = { .type_name = "ssh-tomorrow-cert",
		.fields = 1 };
	struct text words;

	(void)state;
	no_digests = true;
	describe_invented(&make, &words);
	no_digests = false;
	assert_non_null(strstr(words.s, " to a key without a fingerprint for"));
}

/* Asked again, it neither parses keys nor reads known_hosts. */
static void
test_described_once(void **state)
{
	const struct invented make = { .type_name = "ssh-tomorrow-cert",
		.fields = 1 };
	struct bytes b = invent(&make);
	struct request req;
	struct text first;

	(void)state;
	request_parse(bytes_slice(&b), &req);
	first = *request_describe(&req);
	no_digests = true;
	assert_string_equal(request_describe(&req)->s, first.s);
	no_digests = false;
	bytes_reset(&b);
}

static void
put_pair(struct bytes *b, const char *name, struct slice data)
{
	put_text(b, name);
	put_slice(b, data);
}

/* Whatever is different about two certificates is in their questions. */
static void
test_certificates_differ(void **state)
{
	struct invented make[14] = { 0 };
	struct text words[14];
	struct bytes command = { 0 }, forced = { 0 }, address = { 0 },
		     verified = { 0 }, raw = { 0 }, usual = { 0 }, less = { 0 },
		     names = { 0 }, value = { 0 };
	size_t n = sizeof(make) / sizeof(make[0]);

	(void)state;
	put_text(&command, "run");
	put_pair(&forced, "force-command", bytes_slice(&command));
	put_pair(&verified, "force-command", bytes_slice(&command));
	put_pair(&verified, "verify-required", (struct slice){ 0 });
	put_text(&value, "10.0.0.0/8");
	put_pair(&address, "source-address", bytes_slice(&value));
	/* Not as OpenSSH has it. */
	put_pair(&raw, "force-command", slice_of("run"));
	put_pair(&usual, "permit-X11-forwarding", (struct slice){ 0 });
	put_pair(&usual, "permit-agent-forwarding", (struct slice){ 0 });
	put_pair(&usual, "permit-port-forwarding", (struct slice){ 0 });
	put_pair(&usual, "permit-pty", (struct slice){ 0 });
	put_pair(&less, "no-touch-required", (struct slice){ 0 });
	put_pair(&less, "\x1b[2J", slice_of("\""));
	put_text(&names, "root");
	for (size_t i = 0; i < n; i++)
		make[i] = (struct invented){
			.type_name = "ssh-ed25519-cert-v01@openssh.com",
			.fields = 1,
		};
	make[1].field = "another";
	make[2].critical = bytes_slice(&forced);
	make[3].critical = bytes_slice(&verified);
	make[4].critical = bytes_slice(&address);
	make[5].extensions = bytes_slice(&usual);
	make[6].extensions = bytes_slice(&less);
	make[7].principals = bytes_slice(&names);
	make[8].serial = UINT64_MAX;
	make[9].type = CERTIFICATE_HOST;
	make[10].type_name = "ssh-tomorrow-cert";
	make[11].valid_before = 1;
	make[12].valid_after = 1;
	make[13].key_id = slice_of("me");
	for (size_t i = 0; i < n; i++) {
		describe_invented(&make[i], &words[i]);
		for (size_t j = 0; j < i; j++)
			if (strcmp(words[i].s, words[j].s) == 0)
				FAIL_MSG("%zu, %zu: %s\n", i, j, words[i].s);
	}
	assert_non_null(strstr(words[3].s,
	    ", with the critical options \"force-command\" \"run\", "
	    "\"verify-required\", without extensions"));
	assert_non_null(
	    strstr(words[4].s, "\"source-address\" \"10.0.0.0/8\""));
	assert_non_null(strstr(words[0].s, ", without extensions, id \"\""));
	assert_non_null(strstr(
	    words[5].s, ", with the extensions \"permit-X11-forwarding\", "));
	assert_non_null(strstr(
	    words[6].s, "\"no-touch-required\", \"\\x1b[2J\" \"\\x22\""));
	assert_non_null(strstr(words[8].s, "18446744073709551615"));
	assert_null(strstr(words[9].s, "extensions"));
	assert_null(strstr(words[9].s, "unknown"));
	assert_non_null(
	    strstr(words[10].s, "of the unknown type \"ssh-tomorrow-cert\""));
	make[2].critical = bytes_slice(&raw);
	describe_invented(&make[2], &words[2]);
	assert_non_null(strstr(words[2].s, "\"force-command\" \"run\""));
	/* What ssh-keygen gives goes without saying; one more does not. */
	put_pair(&usual, "permit-user-rc", (struct slice){ 0 });
	make[5].extensions = bytes_slice(&usual);
	describe_invented(&make[5], &words[5]);
	assert_null(strstr(words[5].s, "extensions"));
	put_pair(&usual, "x@example.com", (struct slice){ 0 });
	make[5].extensions = bytes_slice(&usual);
	describe_invented(&make[5], &words[5]);
	assert_non_null(strstr(words[5].s, "\"x@example.com\""));
	bytes_reset(&command);
	bytes_reset(&forced);
	bytes_reset(&address);
	bytes_reset(&verified);
	bytes_reset(&raw);
	bytes_reset(&usual);
	bytes_reset(&less);
	bytes_reset(&names);
	bytes_reset(&value);
}

/*
 * Names that take four characters a byte must not push anything out of the
 * sentence, and many of them are counted.
 */
static void
test_nothing_is_pushed_out(void **state)
{
	struct bytes principals = { 0 }, pairs = { 0 };
	char noise[128], type_name[65];
	struct invented make = {
		.type_name = type_name,
		.fields = 1,
		.serial = UINT64_MAX,
		.valid_after = UINT64_MAX,
		.valid_before = UINT64_MAX - 1,
	};
	struct text words;

	(void)state;
	memset(noise, 0x01, sizeof(noise));
	memset(type_name, 'x', sizeof(type_name));
	strcpy(type_name + 59, "-cert");
	make.key_id = (struct slice){ (const uint8_t *)noise, sizeof(noise) };
	for (int i = 0; i < 9; i++) {
		put_slice(&principals, make.key_id);
		put_slice(&pairs, make.key_id);
		put_slice(&pairs, make.key_id);
	}
	make.principals = bytes_slice(&principals);
	make.critical = make.extensions = bytes_slice(&pairs);
	describe_invented(&make, &words);
	assert_true(words.len < TEXT_LEN - 1);
	assert_non_null(strstr(words.s, "...\", "));
	assert_non_null(strstr(words.s, " and 5 others, valid until"));
	assert_non_null(strstr(words.s, " and 6 others, with the extensions"));
	assert_non_null(strstr(words.s, " and 3 others, id \"\\x01"));
	assert_non_null(strstr(words.s, "of the unknown type \"xxx"));
	bytes_reset(&principals);
	bytes_reset(&pairs);
}

/* Which cannot be read, is said, and whether it is none for certain is not. */
static void
test_unread_certificate(void **state)
{
	struct invented make = { .type_name = "ssh-tomorrow-cert",
		.fields = 9 };
	struct bytes b = invent(&make);
	struct request req;
	struct text words;

	(void)state;
	request_parse(bytes_slice(&b), &req);
	assert_int_equal(req.kind, REQUEST_UNKNOWN);
	words = *request_describe(&req);
	assert_non_null(strstr(words.s,
	    "bytes of an unknown kind, which begin as a certificate of type "
	    "\"ssh-tomorrow-cert\" but cannot be read as one"));
	bytes_reset(&b);
}

/* A login with any host key, and with a session that is called as a type. */
static void
login_to(struct slice host_key, struct bytes *ret)
{
	put_text(ret, "ssh-tomorrow-cert");
	assert_int_equal(wire_put_u8(ret, 50), 0);
	put_text(ret, "me");
	put_text(ret, "ssh-connection");
	put_text(ret, "publickey-hostbound-v00@openssh.com");
	assert_int_equal(wire_put_u8(ret, 1), 0);
	put_text(ret, "alg");
	put_text(ret, "key");
	put_slice(ret, host_key);
}

static void
test_unknown_host_keys(void **state)
{
	struct invented make = {
		.type_name = "ssh-tomorrow-cert", .fields = 2, .is_signed = true
	};
	struct bytes key = { 0 }, cert = invent(&make), m = { 0 };
	char plain[TEXT_LEN];
	struct request req;
	struct text words;

	(void)state;
	put_text(&key, "ssh-tomorrow");
	put_text(&key, "pk");
	put_text(&key, "pk");
	login_to(bytes_slice(&key), &m);
	request_parse(bytes_slice(&m), &req);
	assert_int_equal(req.kind, REQUEST_LOGIN);
	words = *request_describe(&req);
	assert_non_null(strstr(words.s, "to a server with host key SHA256:"));
	strcpy(plain, words.s);
	bytes_reset(&m);
	/* A certificate of the same key. */
	login_to(bytes_slice(&cert), &m);
	request_parse(bytes_slice(&m), &req);
	words = *request_describe(&req);
	assert_string_equal(words.s, plain);
	bytes_reset(&m);
	login_to((struct slice){ cert.data, cert.len - 1 }, &m);
	request_parse(bytes_slice(&m), &req);
	assert_int_equal(req.kind, REQUEST_LOGIN);
	words = *request_describe(&req);
	assert_non_null(strstr(
	    words.s, "to a server with a host key that cannot be read, as"));
	bytes_reset(&m);
	bytes_reset(&key);
	bytes_reset(&cert);
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

#define TEST_NAME "signdata"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_cut_and_flipped),
		cmocka_unit_test(test_hostile_words),
		cmocka_unit_test(test_certificates_differ),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_described_once),
		cmocka_unit_test(test_nothing_is_pushed_out),
		cmocka_unit_test(test_unread_certificate),
		cmocka_unit_test(test_unknown_host_keys),
		cmocka_unit_test(test_strange_messages),
	};

	return RUN(tests);
}
