/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sys/stat.h>

#include "base/error.h"
#include "keyfile.h"

static char dir[] = "/tmp/sk-tpm-keyfile.XXXXXX";
static char path[64], public_path[80];

static void
make_key(struct keyfile *key)
{
	*key = (struct keyfile){ .flags = 5 };
	key->application = strdup("ssh:x");
	key->comment = strdup("a comment");
	memset(key->point.x, 1, 32);
	memset(key->point.y, 2, 32);
	assert_int_equal(bytes_set(&key->key_handle, "HANDLE", 6), 0);
}

static void
test_round_trip(void **state)
{
	struct keyfile key, again = { 0 };
	struct stat st;

	(void)state;
	make_key(&key);
	assert_int_equal(keyfile_write(&key, path, KEEP_EXISTING), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(keyfile_read(path, &again), 0);
	assert_int_equal(again.flags, 5);
	assert_string_equal(again.application, "ssh:x");
	assert_string_equal(again.comment, "a comment");
	assert_memory_equal(again.key_handle.data, "HANDLE", 6);
	assert_memory_equal(again.point.y, key.point.y, 32);
	keyfile_reset(&again);
	/* Not over what is there, unless told. */
	assert_int_equal(
	    keyfile_write(&key, path, KEEP_EXISTING), FAIL_ARGUMENT);
	assert_int_equal(keyfile_write(&key, path, REPLACE_EXISTING), 0);
	unlink(path);
	/* Nor if only the .pub is there; then the other is not left either. */
	assert_int_equal(
	    keyfile_write(&key, path, KEEP_EXISTING), FAIL_ARGUMENT);
	assert_int_equal(access(path, F_OK), -1);
	unlink(public_path);
	keyfile_reset(&key);
}

/* Every length of padding that a comment can bring about. */
static void
test_padding(void **state)
{
	struct keyfile key, again;

	(void)state;
	for (size_t n = 0; n < 20; n++) {
		make_key(&key);
		key.comment[n < 9 ? n : 9] = '\0';
		assert_int_equal(
		    keyfile_write(&key, path, REPLACE_EXISTING), 0);
		assert_int_equal(keyfile_read(path, &again), 0);
		assert_string_equal(again.comment, key.comment);
		keyfile_reset(&key);
		keyfile_reset(&again);
	}
}

/* The comment of somebody else's file gets to a terminal, and to sshd. */
static void
test_comment_stays_a_comment(void **state)
{
	static const struct {
		const char *comment, *end;
	} cases[] = {
		{ "alice@caf\xc3\xa9", " alice@caf\xc3\xa9" },
		{ "a\nssh-rsa AAAA", " a?ssh-rsa AAAA" },
		{ "\x1b]0;a\x07 \x7f", " ?]0;a? ?" },
		{ "\xc2\x9b\x31m \xc2\xa0", " ?1m \xc2\xa0" },
		{ "\x9b\xff\xe2\x80", " ????" },
		{ "", " " },
	};
	struct bytes line = { 0 };
	struct keyfile key;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = strlen(cases[i].end);

		make_key(&key);
		free(key.comment);
		key.comment = strdup(cases[i].comment);
		assert_int_equal(keyfile_public_line(&key, &line), 0);
		assert_true(line.len > n);
		assert_memory_equal(line.data + line.len - n, cases[i].end, n);
		bytes_reset(&line);
		keyfile_reset(&key);
	}
}

static void
test_damaged(void **state)
{
	struct keyfile key, other;
	char text[4096];
	FILE *f;
	size_t n;

	(void)state;
	make_key(&key);
	assert_int_equal(keyfile_write(&key, path, REPLACE_EXISTING), 0);
	f = fopen(path, "r");
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	for (size_t len = 0; len + 1 < n; len++)
		assert_int_equal(
		    keyfile_parse(
			(struct slice){ (uint8_t *)text, len }, &other),
		    FAIL_ARGUMENT);
	for (size_t i = 0; i < n; i++) {
		text[i] ^= 0x21;
		if (keyfile_parse(
			(struct slice){ (uint8_t *)text, n }, &other) == 0)
			keyfile_reset(&other);
		text[i] ^= 0x21;
	}
	assert_int_equal(keyfile_read("/no/such/file", &other), FAIL_ARGUMENT);
	assert_int_equal(keyfile_read("/tmp", &other), FAIL_ARGUMENT);
	keyfile_reset(&key);
}

#define TEST_NAME "keyfile"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_comment_stays_a_comment),
		cmocka_unit_test(test_damaged),
	};
	int failed;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/k", dir);
	snprintf(public_path, sizeof(public_path), "%s.pub", path);
	failed = RUN(tests);
	unlink(path);
	unlink(public_path);
	rmdir(dir);
	return failed;
}
