/* SPDX-License-Identifier: ISC */
/* The CA's store and its audit log, in a file of its own for each test. */
#include "unit.h"

#include <sys/stat.h>

#include "base/error.h"
#include "ca/audit.h"

#define TEST_NAME "ca-store"

#define ID_1 "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define ID_2 "SHA256:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="
#define KEY_1 "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define KEY_2 "SHA256:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA"

static char directory[] = "/tmp/sk-tpm-store.XXXXXX";
static char path[64];

static struct store *
open_store(void)
{
	struct store *store;

	assert_int_equal(store_open(path, STORE_CREATE, &store), 0);
	return store;
}

static int
begin(void **state)
{
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/store.db", directory);
	*state = open_store();
	return 0;
}

static int
end(void **state)
{
	static const char *const tails[] = { "", "-wal", "-shm", "-journal" };
	char name[80];

	store_close(*state);
	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s%s", path, tails[i]);
		unlink(name);
	}
	rmdir(directory);
	return 0;
}

static int
add_machine(struct store *store, const char *name, int64_t *ret)
{
	struct store_machine machine = { .profile = "default", .added = 1000 };

	snprintf(machine.name, sizeof(machine.name), "%s", name);
	return store_machine_add(store, &machine, ret);
}

static int64_t
add(struct store *store, const char *name, const char *id)
{
	int64_t number;

	assert_int_equal(add_machine(store, name, &number), 0);
	assert_int_equal(
	    store_machine_add_id(store, number, id, (struct slice){ 0 }), 0);
	return number;
}

static void
test_file_is_its_owners(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
test_machines(void **state)
{
	struct store *store = *state;
	struct store_machine m;
	int64_t web, mail, again;

	web = add(store, "web", ID_1);
	mail = add(store, "mail", ID_2);
	assert_int_equal(store_machine_by_id(store, ID_1, &m), 0);
	assert_int_equal(m.number, web);
	assert_string_equal(m.name, "web");
	assert_int_equal(store_machine_by_name(store, "mail", &m), 0);
	assert_int_equal(m.number, mail);
	assert_int_equal(
	    store_machine_by_name(store, "none", &m), FAIL_NOT_FOUND);
	/* A name, and an id, is one machine's. */
	assert_int_equal(add_machine(store, "web", &again), FAIL_TAKEN);
	assert_int_equal(store_machine_rename(store, mail, "web"), FAIL_TAKEN);
	assert_int_equal(
	    store_machine_add_id(store, mail, ID_1, (struct slice){ 0 }),
	    FAIL_TAKEN);
	assert_int_equal(
	    store_machine_add_id(store, web, ID_1, (struct slice){ 0 }), 0);
	/* A number is never used again. */
	assert_int_equal(store_machine_remove(store, mail, 2000), 0);
	assert_int_equal(store_machine_by_id(store, ID_2, &m), FAIL_NOT_FOUND);
	assert_true(add(store, "mail", ID_2) > mail);
}

static void
put_key(struct store *store, int64_t machine, const char *fingerprint,
    enum store_key_state key_state)
{
	struct store_key key = {
		.machine = machine,
		.type = CERTIFICATE_USER,
		.state = key_state,
	};

	strcpy(key.fingerprint, fingerprint);
	assert_int_equal(store_key_put(store, &key), 0);
}

static void
test_keys(void **state)
{
	struct store *store = *state;
	int64_t web = add(store, "web", ID_1);
	struct store_machine m;
	struct store_key key;

	put_key(store, web, KEY_1, STORE_KEY_PENDING);
	assert_int_equal(
	    store_machine_by_key(store, KEY_1, &m), FAIL_NOT_FOUND);
	put_key(store, web, KEY_1, STORE_KEY_APPROVED);
	assert_int_equal(store_machine_by_key(store, KEY_1, &m), 0);
	assert_int_equal(
	    store_key_find(store, web, CERTIFICATE_USER, KEY_1, &key), 0);
	assert_int_equal(key.state, STORE_KEY_APPROVED);
	store_key_reset(&key);
	assert_int_equal(
	    store_key_find(store, web, CERTIFICATE_HOST, KEY_1, &key),
	    FAIL_NOT_FOUND);
	/* A disabled machine is no known one. */
	assert_int_equal(
	    store_machine_set_state(store, web, STORE_MACHINE_DISABLED), 0);
	assert_int_equal(
	    store_machine_by_key(store, KEY_1, &m), FAIL_NOT_FOUND);
}

static void
put_certificate(
    struct store *store, int64_t machine, uint64_t serial, int64_t valid_to)
{
	struct store_certificate c = {
		.serial = serial,
		.machine = machine,
		.type = CERTIFICATE_USER,
		.fingerprint = KEY_1,
		.ca_fingerprint = KEY_2,
		.issued = 1000,
		.valid_to = valid_to,
	};

	assert_int_equal(bytes_set(&c.key_id, "id", 2), 0);
	assert_int_equal(bytes_set(&c.principals, "a,b", 3), 0);
	assert_int_equal(bytes_set(&c.blob, "blob", 4), 0);
	assert_int_equal(store_certificate_add(store, &c), 0);
	assert_int_equal(store_certificate_add(store, &c), FAIL_TAKEN);
	store_certificate_reset(&c);
}

static int
count(const struct store_certificate *c, void *arg)
{
	assert_int_equal(c->principals.len, 3);
	assert_memory_equal(c->principals.data, "a,b", 3);
	(*(size_t *)arg)++;
	return 0;
}

static bool
krl_is_stale(struct store *store, uint64_t *ret_version)
{
	struct bytes krl = { 0 };
	bool stale;

	assert_int_equal(store_krl(store, &krl, ret_version, &stale), 0);
	bytes_reset(&krl);
	return stale;
}

static void
test_revocation(void **state)
{
	const struct slice krl = { (const uint8_t *)"krl", 3 };
	struct store *store = *state;
	int64_t web = add(store, "web", ID_1);
	struct store_revocation which = { .serial = 7, .why = "test" };
	uint64_t version;
	size_t n = 0;

	put_certificate(store, web, 7, 5000);
	put_certificate(store, web, INT64_MAX, 9000);
	assert_true(krl_is_stale(store, &version));
	assert_int_equal(store_krl_put(store, krl, 1), 0);
	assert_false(krl_is_stale(store, &version));
	assert_int_equal(version, 1);
	assert_int_equal(store_revoke(store, &which, 2000, &n), 0);
	assert_int_equal(n, 1);
	assert_true(krl_is_stale(store, &version));
	assert_int_equal(store_revoke(store, &which, 2000, &n), 0);
	assert_int_equal(n, 0);
	/* What has expired needs no list. */
	n = 0;
	assert_int_equal(store_revoked_each(store, 4999, count, &n), 0);
	assert_int_equal(n, 1);
	n = 0;
	assert_int_equal(store_revoked_each(store, 5000, count, &n), 0);
	assert_int_equal(n, 0);
	/* With the machine, the rest. */
	assert_int_equal(store_machine_remove(store, web, 3000), 0);
	assert_int_equal(store_revoked_each(store, 4000, count, &n), 0);
	assert_int_equal(n, 2);
}

/* --- transactions ------------------------------------------------------ */

static void
test_rolled_back(void **state)
{
	struct store *store = *state, *other = open_store();
	struct store_machine m;
	int64_t number;

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(add_machine(store, "web", &number), 0);
	assert_int_equal(
	    store_machine_by_name(other, "web", &m), FAIL_NOT_FOUND);
	store_rollback(store);
	assert_int_equal(
	    store_machine_by_name(store, "web", &m), FAIL_NOT_FOUND);
	/* Closed within one: the same. */
	assert_int_equal(store_begin(other), 0);
	assert_int_equal(add_machine(other, "web", &number), 0);
	store_close(other);
	assert_int_equal(
	    store_machine_by_name(store, "web", &m), FAIL_NOT_FOUND);
}

static void
test_no_store(void **state)
{
	struct store *store;

	(void)state;
	assert_int_equal(
	    store_open("/nonexistent/store.db", STORE_CREATE, &store),
	    FAIL_STORE);
	assert_null(store);
	assert_int_equal(
	    store_open(directory, STORE_EXISTING, &store), FAIL_STORE);
	store_close(NULL);
}

/* --- audit ------------------------------------------------------------- */

static int
take_row(const struct store_audit *row, void *arg)
{
	struct store_audit *last = arg;
	uint8_t hash[SHA256_LEN];

	assert_int_equal(row->number, last->number + 1);
	assert_int_equal(audit_hash(last->hash, row, hash), 0);
	assert_memory_equal(hash, row->hash, sizeof(hash));
	last->number = row->number;
	memcpy(last->hash, row->hash, sizeof(hash));
	return 0;
}

static void
test_audit(void **state)
{
	struct audit_event event = {
		.what = "test",
		.text = "quotes \" and\nlines, \xff",
		.serial = UINT64_MAX / 2,
	};
	struct store_audit last = { 0 }, row;
	struct store *store = *state;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(store_begin(store), 0);
		assert_int_equal(audit_add(store, &event, 1000 + i, &row), 0);
		assert_int_equal(store_commit(store), 0);
		assert_int_equal(row.number, i + 1);
		store_audit_reset(&row);
	}
	assert_int_equal(store_audit_each(store, 1, take_row, &last), 0);
	assert_int_equal(last.number, 3);
	assert_int_equal(store_audit_last(store, &row), 0);
	assert_int_equal(row.time, 1002);
	assert_int_equal(row.row.len,
	    strlen("{\"what\":\"test\",\"serial\":\"9223372036854775807\","
		   "\"text\":\"quotes \\\\x22 and\\\\x0alines, \\\\xff\"}"));
	assert_memory_equal(row.row.data,
	    "{\"what\":\"test\",\"serial\":\"9223372036854775807\","
	    "\"text\":\"quotes \\\\x22 and\\\\x0alines, \\\\xff\"}",
	    row.row.len);
	store_audit_reset(&row);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file_is_its_owners),
		TEST(test_machines),
		TEST(test_keys),
		TEST(test_revocation),
		TEST(test_rolled_back),
		TEST(test_no_store),
		TEST(test_audit),
	};

	return RUN(tests);
}
