/* SPDX-License-Identifier: ISC */
/*
 * Certificates that ssh-keygen made of the key in PROTOCOL.md, 5.6
 * (tests/fuzz/corpus/attest-certificate), and what false CAs make.
 */
#include "unit.h"

#include <openssl/evp.h>

#include "base/error.h"
#include "base/log.h"
#include "base/wire.h"
#include "corpus.h"
#include "failing.h"
#include "protocol.h"
#include "ssh/certificate.h"

FAILING(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL)
FAILING(int, EVP_Digest,
    (const void *data, size_t n, unsigned char *md, unsigned int *size,
	const EVP_MD *type, ENGINE *impl),
    (data, n, md, size, type, impl), 0)

#define NOW 1790000000 /* in 2026 */
#define APPLICATION "ssh:"

static struct ec_point point;
static struct bytes key; /* its blob */

static int
make_key(void **state)
{
	struct bytes authdata = { 0 };

	(void)state;
	protocol_example("authdata", &authdata);
	memcpy(point.x, authdata.data + authdata.len - 32 - 3 - 32, 32);
	memcpy(point.y, authdata.data + authdata.len - 32, 32);
	bytes_reset(&authdata);
	return sshkey_put_ours(&key, &point, APPLICATION);
}

static int
forget_key(void **state)
{
	(void)state;
	bytes_reset(&key);
	return 0;
}

static int
check_at(struct slice blob, enum certificate_type type, uint64_t now,
    struct certificate *ret)
{
	const struct certificate_wanted wanted = {
		.key = bytes_slice(&key), .type = type, .now = now
	};

	return certificate_check(blob, &wanted, ret);
}

static int
check(struct slice blob, enum certificate_type type)
{
	struct certificate c;

	return check_at(blob, type, NOW, &c);
}

static struct slice
corpus(const char *name)
{
	return corpus_read_of("attest-certificate", name);
}

static void
refused(int r, const char *why)
{
	assert_int_equal(r, FAIL_CERTIFICATE);
	if (strstr(log_cause(), why) == NULL)
		FAIL_MSG("not \"%s\": %s", why, log_cause());
}

static void
test_of_ssh_keygen(void **state)
{
	struct certificate c;

	(void)state;
	assert_int_equal(
	    check_at(corpus("host"), CERTIFICATE_HOST, NOW, &c), 0);
	assert_true(slice_is(c.key_id, "web1 SHA256:x"));
	assert_int_equal(c.serial, 1);
	assert_int_equal(
	    check_at(corpus("user"), CERTIFICATE_USER, NOW, &c), 0);
	assert_int_equal(c.serial, INT64_MAX);
	assert_int_equal(
	    check_at(corpus("forever"), CERTIFICATE_USER, 0, &c), 0);
	assert_int_equal(check_at(corpus("forever"), CERTIFICATE_USER,
			     CERTIFICATE_FOREVER - 1, &c),
	    0);
	assert_true(c.valid_before == CERTIFICATE_FOREVER);
}

static void
test_another(void **state)
{
	(void)state;
	refused(check(corpus("other-key"), CERTIFICATE_USER), "another key");
	refused(check(corpus("user"), CERTIFICATE_HOST), "not for a host");
	refused(check(corpus("host"), CERTIFICATE_USER), "not for a user");
	refused(check(corpus("nonames"), CERTIFICATE_USER), "for all");
	refused(check(bytes_slice(&key), CERTIFICATE_USER), "damaged");
	refused(check((struct slice){ 0 }, CERTIFICATE_USER), "damaged");
}

static void
test_times(void **state)
{
	struct certificate c;
	uint64_t from, to;

	(void)state;
	assert_int_equal(
	    check_at(corpus("host"), CERTIFICATE_HOST, NOW, &c), 0);
	from = c.valid_after;
	to = c.valid_before;
	assert_int_equal(
	    check_at(corpus("host"), CERTIFICATE_HOST, from, &c), 0);
	refused(check_at(corpus("host"), CERTIFICATE_HOST, from - 1, &c),
	    "not in force yet");
	assert_int_equal(
	    check_at(corpus("host"), CERTIFICATE_HOST, to - 1, &c), 0);
	refused(
	    check_at(corpus("host"), CERTIFICATE_HOST, to, &c), "has expired");
}

/* It may have fewer of the names, and no other. */
static void
test_names(void **state)
{
	const struct slice names[] = { slice_of_text("web1"),
		slice_of_text("web1.example.com"), slice_of_text("web2") };
	struct certificate_wanted wanted = { .key = bytes_slice(&key),
		.type = CERTIFICATE_HOST,
		.now = NOW,
		.names = names,
		.n_names = 3 };
	struct certificate c;

	(void)state;
	assert_int_equal(certificate_check(corpus("host"), &wanted, &c), 0);
	wanted.n_names = 1;
	refused(certificate_check(corpus("host"), &wanted, &c),
	    "has the name \"web1.example.com\", which was not asked for");
}

static void
test_every_length(void **state)
{
	struct bytes longer = { 0 };
	struct slice blob = corpus("host");

	(void)state;
	assert_int_equal(bytes_set(&longer, blob.data, blob.len), 0);
	assert_int_equal(bytes_append(&longer, "", 1), 0);
	for (size_t n = 0; n <= longer.len; n++)
		assert_int_equal(
		    check((struct slice){ longer.data, n }, CERTIFICATE_HOST),
		    n == blob.len ? 0 : FAIL_CERTIFICATE);
	bytes_reset(&longer);
}

/* --- what no ssh-keygen makes ------------------------------------------ */

static void
put(struct bytes *b, const char *text, size_t len)
{
	assert_int_equal(
	    wire_put_string(b, (struct slice){ (const uint8_t *)text, len }),
	    0);
}

static void
put_u64(struct bytes *b, uint32_t value)
{
	assert_int_equal(wire_put_u32(b, 0), 0);
	assert_int_equal(wire_put_u32(b, value), 0);
}

/* A certificate for our key with this key id and one name. */
static void
make(const char *key_id, size_t id_len, const char *name, size_t name_len,
    struct bytes *ret)
{
	struct bytes names = { 0 }, ca = { 0 };
	uint8_t encoded[P256_POINT_LEN];

	bytes_reset(ret);
	put(ret, "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", 43);
	put(ret, "nonce", 5);
	put(ret, "nistp256", 8);
	p256_encode_point(&point, encoded);
	put(ret, (const char *)encoded, sizeof(encoded));
	put(ret, APPLICATION, 4);
	put_u64(ret, 7);
	assert_int_equal(wire_put_u32(ret, CERTIFICATE_USER), 0);
	put(ret, key_id, id_len);
	put(&names, "alice", 5);
	put(&names, name, name_len);
	put(ret, (const char *)names.data, names.len);
	put_u64(ret, 0);
	put_u64(ret, UINT32_MAX);
	put(ret, "", 0);
	put(ret, "", 0);
	put(ret, "", 0);
	put(&ca, "ssh-ed25519", 11);
	put(&ca, "point", 5);
	put(ret, (const char *)ca.data, ca.len);
	put(ret, "signature", 9);
	bytes_reset(&names);
	bytes_reset(&ca);
}

#define TEXT(s) s, sizeof(s) - 1

static void
test_texts(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = { { TEXT("") }, { TEXT("a\nb") }, { TEXT("a\0b") },
		{ TEXT("\x1b[2J") }, { TEXT("a\x7f") }, { TEXT("\xff") } };
	struct bytes cert = { 0 };

	(void)state;
	make(TEXT("al\xc3\xad"
		  "ce, at home"),
	    TEXT("bob"), &cert);
	assert_int_equal(check(bytes_slice(&cert), CERTIFICATE_USER), 0);
	make(TEXT("alice"), TEXT("bob,root"), &cert);
	refused(check(bytes_slice(&cert), CERTIFICATE_USER), "a name that is");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make(bad[i].text, bad[i].len, TEXT("bob"), &cert);
		refused(check(bytes_slice(&cert), CERTIFICATE_USER),
		    "a key id that is not one line");
		make(TEXT("alice"), bad[i].text, bad[i].len, &cert);
		refused(check(bytes_slice(&cert), CERTIFICATE_USER),
		    "a name that is none");
	}
	bytes_reset(&cert);
}

static void
test_failures(void **state)
{
	struct slice blob = corpus("host");
	int r;

	(void)state;
	EACH_FAILING(r = check(blob, CERTIFICATE_HOST))
	assert_int_equal(r, FAIL_INTERNAL);
	assert_int_equal(r, 0);
}

#define TEST_NAME "certificate"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_ssh_keygen),
		cmocka_unit_test(test_another),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_failures),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    TEST_NAME, tests, make_key, forget_key);
}
