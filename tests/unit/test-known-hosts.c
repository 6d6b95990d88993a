/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <openssl/hmac.h>

#include "ssh/known-hosts.h"

/* "key" in base64 is a2V5: what matters is that lines are compared whole. */
static const struct slice key = { (const uint8_t *)"key", 3 };

static int
find_among(
    const char *text, struct slice words, char name[KNOWN_HOSTS_NAME_LEN])
{
	char path[] = "/tmp/sk-tpm-known.XXXXXX";
	int fd = mkstemp(path);
	enum known_host found;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	found = known_hosts_find_in(path, key, words, name);
	unlink(path);
	return found == KNOWN_HOST_NAMED;
}

static int
find(const char *text, char name[KNOWN_HOSTS_NAME_LEN])
{
	return find_among(text, (struct slice){ 0 }, name);
}

static void
test_found(void **state)
{
	char name[KNOWN_HOSTS_NAME_LEN];

	(void)state;
	assert_true(find("# c\n\nother ssh-ed25519 b3RoZXI=\n"
			 "host,10.0.0.1 ssh-ed25519 a2V5 comment\n"
			 "second ssh-ed25519 a2V5\n",
	    name));
	assert_string_equal(name, "host,10.0.0.1");
	assert_true(find("\thost\tssh-rsa  a2V5", name));
	assert_string_equal(name, "host");
}

static void
test_not_found(void **state)
{
	char name[KNOWN_HOSTS_NAME_LEN];

	(void)state;
	assert_false(find("", name));
	assert_false(find("host ssh-ed25519 a2V5eA==\n", name));
	assert_false(find("host ssh-ed25519\n", name));
	assert_false(find("|1|salt=|hash= ssh-ed25519 a2V5\n", name));
	assert_false(find("@revoked host ssh-ed25519 a2V5\n", name));
	assert_false(find("@cert-authority * ssh-ed25519 a2V5\n", name));
	assert_false(find("#host ssh-ed25519 a2V5\n", name));
	assert_false(known_hosts_find_in(
	    "/no/such/file", key, (struct slice){ 0 }, name));
	assert_false(known_hosts_find_in(
	    "/dev/null", (struct slice){ 0 }, (struct slice){ 0 }, name));
}

/* Hashed by ssh-keygen -H of OpenSSH 9.2: git.example, [git.example]:2222 */
#define HASHED                             \
	"|1|1ju+VC+XYkDOoBPgffHxmDWo+LA=|" \
	"cYyr6LNvur+LERO+utWXgSYjrHc="
#define HASHED_WITH_PORT                   \
	"|1|Ie8vvoa9/uEj7Bz3SkmiySek5Q4=|" \
	"fOxgmB5qUPx5lWEcftrpY9Zo8rM="

static void
test_hashed(void **state)
{
	static const char words[] = "22\0other\0git.example\000123456\0002222";
	struct slice all = { (const uint8_t *)words, sizeof(words) };
	struct slice two = { all.data, strlen("22") + strlen("other") + 2 };
	static const char *const damaged[] = { "|1|", "|1|a|b", "|1|||",
		"|2|1ju+VC+XYkDOoBPgffHxmDWo+LA=|cYyr6LNvur+LERO+utWXgSYjrHc=",
		"|1|1ju+VC+XYkDOoBPgffHxmDWo+LA=,cYyr6LNvur+LERO+utWXgSYjrHc=",
		"|1|1ju+VC+XYkDOoBPgffHx*DWo+LA=|cYyr6LNvur+LERO+utWXgSYjrHc=",
		"|1|1ju+VC+XYkDOoBPgffHxmDWo+LA=|cYyr6LNvur+LERO+utWXgSYjrHb=",
		HASHED "=" };
	char name[KNOWN_HOSTS_NAME_LEN], line[256];

	(void)state;
	assert_true(find_among(HASHED " ssh-ed25519 a2V5\n", all, name));
	assert_string_equal(name, "git.example");
	assert_true(
	    find_among(HASHED_WITH_PORT " ssh-ed25519 a2V5\n", all, name));
	assert_string_equal(name, "[git.example]:2222");
	/* A name that is not among the words, and one of another key. */
	assert_false(find_among(HASHED " ssh-ed25519 a2V5\n", two, name));
	assert_false(find_among(HASHED " ssh-ed25519 b3RoZXI=\n", all, name));
	assert_false(
	    find_among("@revoked " HASHED " ssh-rsa a2V5\n", all, name));
	/* The next line is read all the same. */
	assert_true(find_among(HASHED " ssh-ed25519 a2V5\n"
				      "10.0.0.1 ssh-ed25519 a2V5\n",
	    two, name));
	assert_string_equal(name, "10.0.0.1");
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		snprintf(
		    line, sizeof(line), "%s ssh-ed25519 a2V5\n", damaged[i]);
		assert_false(find_among(line, all, name));
	}
}

/* OpenSSL, without SHA-1. */
static bool no_hmac;
unsigned char *__wrap_HMAC(const EVP_MD *type, const void *secret,
    int secret_len, const unsigned char *data, size_t n, unsigned char *ret,
    unsigned int *ret_len);
unsigned char *__real_HMAC(const EVP_MD *type, const void *secret,
    int secret_len, const unsigned char *data, size_t n, unsigned char *ret,
    unsigned int *ret_len);

unsigned char *
__wrap_HMAC(const EVP_MD *type, const void *secret, int secret_len,
    const unsigned char *data, size_t n, unsigned char *ret,
    unsigned int *ret_len)
{
	return no_hmac
	    ? NULL
	    : __real_HMAC(type, secret, secret_len, data, n, ret, ret_len);
}

static void
test_no_hmac(void **state)
{
	const struct slice word = { (const uint8_t *)"git.example",
		sizeof("git.example") };
	char name[KNOWN_HOSTS_NAME_LEN];

	(void)state;
	no_hmac = true;
	assert_false(find_among(HASHED " ssh-ed25519 a2V5\n", word, name));
	no_hmac = false;
}

static void
test_long_name_is_cut(void **state)
{
	char name[KNOWN_HOSTS_NAME_LEN], line[2000];

	(void)state;
	memset(line, 'h', 1000);
	strcpy(line + 1000, " ssh-ed25519 a2V5\n");
	assert_true(find(line, name));
	assert_int_equal(strlen(name), KNOWN_HOSTS_NAME_LEN - 1);
}

#define TEST_NAME "known-hosts"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_hashed),
		cmocka_unit_test(test_no_hmac),
		cmocka_unit_test(test_long_name_is_cut),
	};

	return RUN(tests);
}
