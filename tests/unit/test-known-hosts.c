/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "known-hosts.h"

/* "key" in base64 is a2V5: what matters is that lines are compared whole. */
static const struct slice key = { (const uint8_t *)"key", 3 };

static int
find(const char *text, char name[KNOWN_HOSTS_NAME_LEN])
{
	char path[] = "/tmp/sk-tpm-known.XXXXXX";
	int fd = mkstemp(path), found;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	found = known_hosts_find_in(path, key, name);
	unlink(path);
	return found;
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
	assert_false(known_hosts_find_in("/no/such/file", key, name));
	assert_false(
	    known_hosts_find_in("/dev/null", (struct slice){ 0 }, name));
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
		cmocka_unit_test(test_long_name_is_cut),
	};

	return RUN(tests);
}
