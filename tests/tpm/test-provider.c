/* SPDX-License-Identifier: ISC */
/*
 * Calls the four entry points as ssh-sk-helper does, against the TPM that
 * SK_TPM_TCTI names: test-provider-MAJOR LIBRARY. A software TPM, please: it
 * makes thousands of calls, most of them bad.
 */
#include "../unit/unit.h"

#include <dlfcn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "../tools/responses.h"

static __typeof__(&sk_api_version) api_version;
static __typeof__(&sk_enroll) enroll;
static __typeof__(&sk_sign) sign;
static __typeof__(&sk_load_resident_keys) load_resident_keys;

static const uint8_t challenge[32] = { 1, 2, 3 };
static const uint8_t message[] = "message";
static struct sk_enroll_response *key;

#define NO_TOUCH 0
#define TOUCH SSH_SK_USER_PRESENCE_REQD

static int
try_enroll(uint32_t alg, const char *application, uint8_t flags,
    struct sk_option **options)
{
	struct sk_enroll_response *resp = (void *)-1;
	int r = enroll(alg, challenge, sizeof(challenge), application, flags,
	    NULL, options, &resp);

	if (r == 0)
		free_enroll(resp);
	else
		assert_null(resp);
	return r;
}

static int
try_sign(uint32_t alg, const uint8_t *data, size_t data_len,
    const char *application, const uint8_t *handle, size_t handle_len,
    uint8_t flags)
{
	struct sk_sign_response *resp = (void *)-1;
	int r = sign(alg, data, data_len, application, handle, handle_len,
	    flags, NULL, NULL, &resp);

	if (r == 0)
		free_sign(resp);
	else
		assert_null(resp);
	return r;
}

static int
sign_with(const uint8_t *handle, size_t len)
{
	return try_sign(SSH_SK_ECDSA, message, sizeof(message), "ssh:", handle,
	    len, NO_TOUCH);
}

/* Runs `call`, wants `code` and exactly one line of ours that has `text`. */
#define WANT(code, text, call)                             \
	do {                                               \
		int r_ = 0;                                \
		const char *out_ = STDERR_OF(r_ = (call)); \
		check_outcome(r_, (code), out_, (text));   \
	} while (0)

static void
check_outcome(int r, int code, const char *out, const char *text)
{
	if (r != code)
		FAIL_MSG("returned %d, not %d, and said: %s", r, code, out);
	if (strncmp(out, "sk-tpm: ", 8) != 0 ||
	    strchr(out, '\n') != out + strlen(out) - 1)
		FAIL_MSG("not one line: %s", out);
	if (strstr(out, text) == NULL)
		FAIL_MSG("\"%s\" is not in: %s", text, out);
}

static void
test_version(void **state)
{
	(void)state;
	assert_int_equal(api_version(), (uint32_t)SK_API_MAJOR << 16);
}

static void
test_enroll_response(void **state)
{
	(void)state;
#if SK_API_MAJOR >= 9
	assert_int_equal(key->flags, NO_TOUCH);
#endif
	assert_int_equal(key->public_key_len, 65);
	assert_int_equal(key->public_key[0], 4);
	assert_true(key->key_handle_len > 200 && key->key_handle_len < 400);
	/* Nobody was asked, so there is no attestation. */
	assert_null(key->signature);
	assert_null(key->attestation_cert);
	assert_null(key->authdata);
	assert_int_equal(key->signature_len, 0);
	assert_int_equal(key->attestation_cert_len, 0);
	assert_int_equal(key->authdata_len, 0);
}

static void
digest_of(uint8_t flags, uint8_t out[32])
{
	uint8_t in[32 + 1 + 4 + 32] = { 0 };

	EVP_Digest("ssh:", 4, in, NULL, EVP_sha256(), NULL);
	in[32] = flags;
	EVP_Digest(message, sizeof(message), in + 37, NULL, EVP_sha256(), NULL);
	EVP_Digest(in, sizeof(in), out, NULL, EVP_sha256(), NULL);
}

static EVP_PKEY *
public_key(void)
{
	static const uint8_t prefix[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07,
		0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
		0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };
	uint8_t der[sizeof(prefix) + 65];
	const uint8_t *p = der;

	memcpy(der, prefix, sizeof(prefix));
	memcpy(der + sizeof(prefix), key->public_key, 65);
	return d2i_PUBKEY(NULL, &p, sizeof(der));
}

static int
verifies(const struct sk_sign_response *resp, const uint8_t digest[32])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	EVP_PKEY *pkey = public_key();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	unsigned char *der = NULL;
	int len, ok;

	ECDSA_SIG_set0(sig, BN_bin2bn(resp->sig_r, (int)resp->sig_r_len, NULL),
	    BN_bin2bn(resp->sig_s, (int)resp->sig_s_len, NULL));
	len = i2d_ECDSA_SIG(sig, &der);
	ok = EVP_PKEY_verify_init(ctx) == 1 &&
	    EVP_PKEY_verify(ctx, der, (size_t)len, digest, 32) == 1;
	OPENSSL_free(der);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	ECDSA_SIG_free(sig);
	return ok;
}

static void
check_signature(uint8_t key_flags)
{
	struct sk_sign_response *resp = NULL;
	uint8_t digest[32];

	assert_int_equal(sign(SSH_SK_ECDSA, message, sizeof(message),
			     "ssh:", key->key_handle, key->key_handle_len,
			     key_flags, NULL, NULL, &resp),
	    0);
	assert_int_equal(resp->flags, key_flags);
	assert_int_equal(resp->counter, 0);
	digest_of(key_flags, digest);
	assert_true(verifies(resp, digest));
	digest[0] ^= 1;
	assert_false(verifies(resp, digest));
	free_sign(resp);
}

static void
test_signature(void **state)
{
	(void)state;
	check_signature(NO_TOUCH);
}

static void
test_presence(void **state)
{
	(void)state;
	WANT(SSH_SK_ERR_GENERAL,
	    "neither a terminal nor a display to ask on; sign from a "
	    "terminal",
	    try_sign(SSH_SK_ECDSA, message, 7, "ssh:", key->key_handle,
		key->key_handle_len, TOUCH));
	setenv("SK_TPM_USER_PRESENCE", "assume", 1);
	check_signature(TOUCH);
	/* Not claimed where the key does not ask for it. */
	check_signature(NO_TOUCH);
	unsetenv("SK_TPM_USER_PRESENCE");
}

static void
test_attestation_needs_presence(void **state)
{
	struct sk_enroll_response *resp = NULL;

	(void)state;
	setenv("SK_TPM_USER_PRESENCE", "assume", 1);
	assert_int_equal(enroll(SSH_SK_ECDSA, challenge, sizeof(challenge),
			     "ssh:", TOUCH, NULL, NULL, &resp),
	    0);
	unsetenv("SK_TPM_USER_PRESENCE");
	assert_non_null(resp->signature);
	assert_non_null(resp->authdata);
	assert_null(resp->attestation_cert);
	free_enroll(resp);
}

static int
ed25519_of_the_builtin_provider(void)
{
	int r;

	unsetenv("SK_TPM_FALLBACK_PROVIDER");
	r = try_enroll(SSH_SK_ED25519, "ssh:", NO_TOUCH, NULL);
	setenv("SK_TPM_FALLBACK_PROVIDER", "none", 1);
	return r;
}

/* Without a provider to hand them to, that is, but for one. */
static void
test_algorithms(void **state)
{
	const char *out;
	int r;

	(void)state;
	WANT(SSH_SK_ERR_UNSUPPORTED, "-t ecdsa-sk",
	    try_enroll(SSH_SK_ED25519, "ssh:", NO_TOUCH, NULL));
	/* OpenSSH 8.4's does not say that it finds no device. */
	out = STDERR_OF(r = ed25519_of_the_builtin_provider());
	if (r == SSH_SK_ERR_GENERAL)
		check_outcome(r, r, out, "OpenSSH's own provider failed");
	else
		check_outcome(r, SSH_SK_ERR_DEVICE_NOT_FOUND, out,
		    "OpenSSH's own provider finds no device");
	WANT(SSH_SK_ERR_UNSUPPORTED, "-t ecdsa-sk",
	    try_enroll(77, "ssh:", NO_TOUCH, NULL));
	WANT(SSH_SK_ERR_DEVICE_NOT_FOUND, "not made by sk-tpm",
	    try_sign(SSH_SK_ED25519, message, 7, "ssh:", key->key_handle,
		key->key_handle_len, NO_TOUCH));
}

static int
enroll_with_pin(const char *pin, struct sk_enroll_response **resp)
{
	return enroll(SSH_SK_ECDSA, challenge, sizeof(challenge),
	    "ssh:", TOUCH | SSH_SK_USER_VERIFICATION_REQD, pin, NULL, resp);
}

static int
sign_with_pin(
    const struct sk_enroll_response *k, const char *pin, uint8_t *ret_flags)
{
	struct sk_sign_response *resp = NULL;
	int r = sign(SSH_SK_ECDSA, message, sizeof(message),
	    "ssh:", k->key_handle, k->key_handle_len,
	    TOUCH | SSH_SK_USER_VERIFICATION_REQD, pin, NULL, &resp);

	if (r != 0) {
		assert_null(resp);
		return r;
	}
	*ret_flags = resp->flags;
	free_sign(resp);
	return 0;
}

static void
test_pin(void **state)
{
	struct sk_enroll_response *k = NULL;
	uint8_t flags = 0;

	(void)state;
	WANT(SSH_SK_ERR_PIN_REQUIRED, "at least 6 characters",
	    enroll_with_pin(NULL, &k));
	WANT(SSH_SK_ERR_PIN_REQUIRED, "at least 6 characters",
	    enroll_with_pin("", &k));
	WANT(
	    SSH_SK_ERR_PIN_REQUIRED, "too short", enroll_with_pin("12345", &k));
	assert_null(k);
	assert_int_equal(enroll_with_pin("123456", &k), 0);
	/* The PIN was entered, so somebody was present. */
	assert_non_null(k->signature);
	WANT(SSH_SK_ERR_PIN_REQUIRED, "this key needs its PIN",
	    sign_with_pin(k, NULL, &flags));
	WANT(SSH_SK_ERR_PIN_REQUIRED, "this key needs its PIN",
	    sign_with_pin(k, "", &flags));
	WANT(SSH_SK_ERR_PIN_REQUIRED, "wrong PIN; 2 tries are left",
	    sign_with_pin(k, "1234567", &flags));
	assert_int_equal(sign_with_pin(k, "123456", &flags), 0);
	assert_int_equal(flags, 0x05);
	free_enroll(k);
}

/* The authValues of some PINs end in zeros, which the TPM drops. */
static void
test_many_pins(void **state)
{
	struct sk_enroll_response *k;
	uint8_t flags = 0;
	char pin[16];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		uint8_t in[20], digest[32];

		snprintf(pin, sizeof(pin), "%06d", i);
		memcpy(in, "sk-tpm PIN v1", 14);
		memcpy(in + 14, pin, 6);
		EVP_Digest(in, sizeof(in), digest, NULL, EVP_sha256(), NULL);
		if (digest[31] != 0)
			continue;
		k = NULL;
		assert_int_equal(enroll_with_pin(pin, &k), 0);
		assert_int_equal(sign_with_pin(k, pin, &flags), 0);
		free_enroll(k);
	}
}

static void
test_verification_of_a_key_without_pin(void **state)
{
	uint8_t flags = 0;

	(void)state;
	WANT(SSH_SK_ERR_GENERAL, "but the key has no PIN",
	    sign_with_pin(key, "123456", &flags));
}

static void
test_options(void **state)
{
	char device[] = "device", user[] = "user", other[] = "colour";
	char name[] = "alice", tcti[] = "no-such-tcti:";
	struct sk_option user_option = { user, name, 1 };
	struct sk_option required = { other, name, 1 };
	struct sk_option optional = { other, name, 0 };
	struct sk_option bad_device = { device, tcti, 1 };
	struct sk_option no_value = { device, NULL, 1 };
	struct sk_option *good[] = { &user_option, &optional, NULL };
	struct sk_option *unknown[] = { &user_option, &required, NULL };
	struct sk_option *nowhere[] = { &bad_device, NULL };
	struct sk_option *broken[] = { &no_value, NULL };

	(void)state;
	assert_int_equal(try_enroll(SSH_SK_ECDSA, "ssh:", NO_TOUCH, good), 0);
	WANT(SSH_SK_ERR_UNSUPPORTED, "option \"colour\" is not known",
	    try_enroll(SSH_SK_ECDSA, "ssh:", NO_TOUCH, unknown));
	WANT(SSH_SK_ERR_GENERAL, "no TCTI called \"no-such-tcti\"",
	    try_enroll(SSH_SK_ECDSA, "ssh:", NO_TOUCH, nowhere));
	WANT(SSH_SK_ERR_GENERAL, "option has no name or value",
	    try_enroll(SSH_SK_ECDSA, "ssh:", NO_TOUCH, broken));
}

static void
test_applications(void **state)
{
	static char big[100001];

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	WANT(SSH_SK_ERR_GENERAL, "application is empty",
	    try_enroll(SSH_SK_ECDSA, "", NO_TOUCH, NULL));
	WANT(SSH_SK_ERR_GENERAL, "application is empty",
	    try_enroll(SSH_SK_ECDSA, NULL, NO_TOUCH, NULL));
	WANT(SSH_SK_ERR_GENERAL, "100000 bytes",
	    try_enroll(SSH_SK_ECDSA, big, NO_TOUCH, NULL));
	WANT(SSH_SK_ERR_GENERAL, "application is empty",
	    try_sign(SSH_SK_ECDSA, message, 7, "", key->key_handle,
		key->key_handle_len, NO_TOUCH));
	WANT(SSH_SK_ERR_GENERAL, "100000 bytes",
	    try_sign(SSH_SK_ECDSA, message, 7, big, key->key_handle,
		key->key_handle_len, NO_TOUCH));
	/* The right length, and not the one that the key was made for. */
	WANT(SSH_SK_ERR_GENERAL, "made for another application",
	    try_sign(SSH_SK_ECDSA, message, 7, "ssh;", key->key_handle,
		key->key_handle_len, NO_TOUCH));
	big[1024] = '\0';
	assert_int_equal(try_enroll(SSH_SK_ECDSA, big, NO_TOUCH, NULL), 0);
}

static void
test_null_and_empty(void **state)
{
	struct sk_enroll_response *resp = NULL;
	const uint8_t *h = key->key_handle;
	size_t n = key->key_handle_len;

	(void)state;
	WANT(SSH_SK_ERR_GENERAL, "message to sign is empty",
	    try_sign(SSH_SK_ECDSA, NULL, 7, "ssh:", h, n, NO_TOUCH));
	WANT(SSH_SK_ERR_GENERAL, "message to sign is empty",
	    try_sign(SSH_SK_ECDSA, message, 0, "ssh:", h, n, NO_TOUCH));
	WANT(SSH_SK_ERR_GENERAL, "key handle is empty",
	    try_sign(SSH_SK_ECDSA, message, 7, "ssh:", NULL, n, NO_TOUCH));
	WANT(SSH_SK_ERR_GENERAL, "key handle is empty",
	    try_sign(SSH_SK_ECDSA, message, 7, "ssh:", h, 0, NO_TOUCH));
	WANT(SSH_SK_ERR_GENERAL, "challenge is empty",
	    enroll(SSH_SK_ECDSA, NULL, 32, "ssh:", 0, NULL, NULL, &resp));
	WANT(SSH_SK_ERR_GENERAL, "challenge is empty",
	    enroll(SSH_SK_ECDSA, challenge, 0, "ssh:", 0, NULL, NULL, &resp));
	assert_int_equal(
	    enroll(SSH_SK_ECDSA, challenge, 32, "ssh:", 0, NULL, NULL, NULL),
	    SSH_SK_ERR_GENERAL);
	assert_int_equal(
	    sign(SSH_SK_ECDSA, message, 7, "ssh:", h, n, 0, NULL, NULL, NULL),
	    SSH_SK_ERR_GENERAL);
	assert_int_equal(
	    load_resident_keys(NULL, NULL, NULL, NULL), SSH_SK_ERR_GENERAL);
}

static void
test_big_messages(void **state)
{
	static uint8_t big[300000];

	(void)state;
	assert_int_equal(try_sign(SSH_SK_ECDSA, big, sizeof(big), "ssh:",
			     key->key_handle, key->key_handle_len, NO_TOUCH),
	    0);
}

/* What a damaged handle may answer; the line has been checked by WANT. */
static int
is_refusal(int r)
{
	return r == SSH_SK_ERR_GENERAL || r == SSH_SK_ERR_DEVICE_NOT_FOUND;
}

static void
check_refused(const uint8_t *handle, size_t len, const char *how, size_t where)
{
	const char *out;
	int r = 0;

	out = STDERR_OF(r = sign_with(handle, len));
	if (!is_refusal(r))
		FAIL_MSG("%s %zu: returned %d", how, where, r);
	check_outcome(r, r, out, "; ");
}

static void
test_handle_truncated_at_every_length(void **state)
{
	(void)state;
	for (size_t n = 1; n < key->key_handle_len; n++)
		check_refused(key->key_handle, n, "cut to", n);
}

static void
test_handle_with_every_bit_flipped(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < key->key_handle_len * 8; bit++) {
		key->key_handle[bit / 8] =
		    (uint8_t)(key->key_handle[bit / 8] ^ 1 << bit % 8);
		check_refused(key->key_handle, key->key_handle_len, "bit", bit);
		key->key_handle[bit / 8] =
		    (uint8_t)(key->key_handle[bit / 8] ^ 1 << bit % 8);
	}
	assert_int_equal(sign_with(key->key_handle, key->key_handle_len), 0);
}

static void
check_resident_key(const struct sk_resident_key *rk)
{
	assert_int_equal(rk->alg, SSH_SK_ECDSA);
	assert_string_equal(rk->application, "ssh:resident");
	assert_int_equal(rk->flags, TOUCH);
	assert_int_equal(rk->key.public_key_len, 65);
	assert_null(rk->key.signature);
	/* OpenSSH never frees this one. */
	assert_null(rk->key.authdata);
#if SK_API_MAJOR >= 9
	assert_int_equal(rk->user_id_len, 5);
	assert_memory_equal(rk->user_id, "alice", 5);
#endif
}

static void
free_resident(struct sk_resident_key *rk)
{
	free(rk->application);
	free(rk->key.public_key);
	free(rk->key.key_handle);
#if SK_API_MAJOR >= 9
	free(rk->user_id);
#endif
	free(rk);
}

/* Those of one user alone. */
static void
check_resident_of(struct sk_option **options, size_t wanted)
{
	struct sk_resident_key **rks = NULL;
	size_t n = 99;

	assert_int_equal(load_resident_keys(NULL, options, &rks, &n), 0);
	assert_int_equal(n, wanted);
	assert_true((rks == NULL) == (wanted == 0));
	for (size_t i = 0; i < n; i++)
		free_resident(rks[i]);
	free(rks);
}

static void
test_resident_keys(void **state)
{
	char user[] = "user", name[] = "alice";
	struct sk_option user_option = { user, name, 1 };
	struct sk_option *options[] = { &user_option, NULL };
	struct sk_resident_key **rks = (void *)-1;
	const uint8_t flags = TOUCH | SSH_SK_RESIDENT_KEY;
	size_t n = 99;

	(void)state;
	assert_int_equal(load_resident_keys(NULL, NULL, &rks, &n), 0);
	assert_null(rks);
	assert_int_equal(n, 0);
	STDERR_OF(assert_int_equal(
	    try_enroll(SSH_SK_ECDSA, "ssh:resident", flags, options), 0));
	WANT(SK_API_MAJOR >= 10 ? SSH_SK_ERR_CREDENTIAL_EXISTS
				: SSH_SK_ERR_GENERAL,
	    "there is a resident key of this application and user already",
	    try_enroll(SSH_SK_ECDSA, "ssh:resident", flags, options));
	assert_int_equal(load_resident_keys(NULL, NULL, &rks, &n), 0);
	assert_int_equal(n, 1);
	check_resident_key(rks[0]);
	free_resident(rks[0]);
	free(rks);
	check_resident_of(options, 1);
	name[0] = 'b';
	check_resident_of(options, 0);
}

/* A TPM left without a slot by us would refuse long before the end. */
static void
test_thousand_signatures(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(
		    sign_with(key->key_handle, key->key_handle_len), 0);
}

static int
setup(void **state)
{
	(void)state;
	return enroll(SSH_SK_ECDSA, challenge, sizeof(challenge),
	    "ssh:", NO_TOUCH, NULL, NULL, &key);
}

static int
teardown(void **state)
{
	(void)state;
	free_enroll(key);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_enroll_response),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_presence),
		cmocka_unit_test(test_attestation_needs_presence),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_pin),
		cmocka_unit_test(test_many_pins),
		cmocka_unit_test(test_verification_of_a_key_without_pin),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_applications),
		cmocka_unit_test(test_null_and_empty),
		cmocka_unit_test(test_big_messages),
		cmocka_unit_test(test_handle_truncated_at_every_length),
		cmocka_unit_test(test_handle_with_every_bit_flipped),
		cmocka_unit_test(test_resident_keys),
		cmocka_unit_test(test_thousand_signatures),
	};
	void *lib;

	if (argc != 2 || (lib = dlopen(argv[1], RTLD_NOW)) == NULL) {
		fprintf(stderr, "usage: %s LIBRARY\n", argv[0]);
		return 2;
	}
	/* Thousands of damaged key handles would each start a helper. */
	setenv("SK_TPM_FALLBACK_PROVIDER", "none", 1);
	api_version = (__typeof__(api_version))dlsym(lib, "sk_api_version");
	enroll = (__typeof__(enroll))dlsym(lib, "sk_enroll");
	sign = (__typeof__(sign))dlsym(lib, "sk_sign");
	load_resident_keys =
	    (__typeof__(load_resident_keys))dlsym(lib, "sk_load_resident_keys");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("provider", tests, setup, teardown);
}
