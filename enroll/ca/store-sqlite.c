/* SPDX-License-Identifier: ISC */
/*
 * The store in SQLite: one file, written ahead (WAL) and synced, so that what
 * was committed is there after the power failed, too.
 */
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "ca/store.h"

/* How long one writer waits for others. */
#define BUSY_MS 10000

/* "sktc", in the file's header: that it is a store of ours. */
#define APPLICATION_ID 0x736b7463

struct store {
	sqlite3 *db;
};

/* Each brings the schema from its number to the next one. */
static const char *const migrations[] = {
	"CREATE TABLE machines ("
	" number INTEGER PRIMARY KEY AUTOINCREMENT,"
	" name TEXT NOT NULL UNIQUE,"
	" profile TEXT NOT NULL,"
	" state INTEGER NOT NULL,"
	" of_inventory INTEGER NOT NULL,"
	" added INTEGER NOT NULL);"
	"CREATE TABLE eks ("
	" id TEXT PRIMARY KEY,"
	" machine INTEGER NOT NULL REFERENCES machines ON DELETE CASCADE,"
	" certificate BLOB NOT NULL);"
	"CREATE INDEX eks_of_machine ON eks (machine);"
	"CREATE TABLE keys ("
	" number INTEGER PRIMARY KEY,"
	" machine INTEGER NOT NULL REFERENCES machines ON DELETE CASCADE,"
	" type INTEGER NOT NULL,"
	" state INTEGER NOT NULL,"
	" fingerprint TEXT NOT NULL,"
	" person TEXT NOT NULL,"
	" blob BLOB NOT NULL,"
	" bound BLOB NOT NULL,"
	" first_seen INTEGER NOT NULL,"
	" last_seen INTEGER NOT NULL,"
	" UNIQUE (machine, type, fingerprint));"
	"CREATE INDEX keys_by_fingerprint ON keys (fingerprint);"
	"CREATE TABLE waiting ("
	" number INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id TEXT NOT NULL UNIQUE,"
	" state INTEGER NOT NULL,"
	" certified INTEGER NOT NULL,"
	" certificate BLOB NOT NULL,"
	" issuer TEXT NOT NULL,"
	" maker TEXT NOT NULL,"
	" problem TEXT NOT NULL,"
	" name TEXT NOT NULL,"
	" address TEXT NOT NULL,"
	" times INTEGER NOT NULL,"
	" first_seen INTEGER NOT NULL,"
	" last_seen INTEGER NOT NULL);"
	"CREATE TABLE waiting_keys ("
	" waiting INTEGER NOT NULL REFERENCES waiting ON DELETE CASCADE,"
	" type INTEGER NOT NULL,"
	" fingerprint TEXT NOT NULL,"
	" person TEXT NOT NULL,"
	" claims TEXT NOT NULL,"
	" blob BLOB NOT NULL,"
	" bound BLOB NOT NULL,"
	" first_seen INTEGER NOT NULL,"
	" PRIMARY KEY (waiting, type, fingerprint));"
	"CREATE TABLE certificates ("
	" serial INTEGER PRIMARY KEY,"
	" machine INTEGER NOT NULL,"
	" type INTEGER NOT NULL,"
	" fingerprint TEXT NOT NULL,"
	" person TEXT NOT NULL,"
	" ca_fingerprint TEXT NOT NULL,"
	" key_id TEXT NOT NULL,"
	" principals TEXT NOT NULL,"
	" blob BLOB NOT NULL,"
	" issued INTEGER NOT NULL,"
	" valid_from INTEGER NOT NULL,"
	" valid_to INTEGER NOT NULL,"
	" revoked INTEGER NOT NULL DEFAULT 0,"
	" why TEXT NOT NULL DEFAULT '');"
	"CREATE INDEX certificates_of_machine ON certificates (machine);"
	"CREATE INDEX certificates_of_key ON certificates (fingerprint);"
	"CREATE INDEX certificates_of_ca ON certificates (ca_fingerprint);"
	"CREATE TABLE ca_keys ("
	" fingerprint TEXT PRIMARY KEY,"
	" type INTEGER NOT NULL,"
	" blob BLOB NOT NULL);"
	"CREATE TABLE revoked_keys ("
	" fingerprint TEXT PRIMARY KEY,"
	" revoked INTEGER NOT NULL,"
	" why TEXT NOT NULL);"
	"CREATE TABLE krl ("
	" one INTEGER PRIMARY KEY CHECK (one = 1),"
	" version INTEGER NOT NULL,"
	" stale INTEGER NOT NULL,"
	" krl BLOB NOT NULL);"
	"INSERT INTO krl VALUES (1, 0, 1, x'');"
	"CREATE TABLE audit ("
	" number INTEGER PRIMARY KEY,"
	" time INTEGER NOT NULL,"
	" row BLOB NOT NULL,"
	" hash BLOB NOT NULL);",
};

#define VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

/* --- statements -------------------------------------------------------- */

static int
store_fail(const struct store *store, const char *what)
{
	if ((sqlite3_errcode(store->db) & 0xff) == SQLITE_NOMEM)
		return fail(FAIL_MEMORY, "out of memory");
	return fail(FAIL_STORE, "cannot %s the store: %s", what,
	    sqlite3_errmsg(store->db));
}

/*
 * Prepares a statement and binds its parameters, by letters: i an int64_t, t a
 * text, b a struct slice *. The caller ends *ret with sqlite3_finalize.
 */
static int
prepare(struct store *store, sqlite3_stmt **ret, const char *sql,
    const char *letters, ...)
{
	const struct slice *b;
	const char *t;
	va_list ap;
	int rc;

	if (sqlite3_prepare_v2(store->db, sql, -1, ret, NULL) != SQLITE_OK)
		return store_fail(store, "read");
	va_start(ap, letters);
	for (int i = 0; letters[i] != '\0'; i++) {
		switch (letters[i]) {
		case 'i':
			rc = sqlite3_bind_int64(
			    *ret, i + 1, va_arg(ap, int64_t));
			break;
		case 't':
			t = va_arg(ap, const char *);
			rc = sqlite3_bind_text(
			    *ret, i + 1, t, -1, SQLITE_TRANSIENT);
			break;
		default:
			b = va_arg(ap, const struct slice *);
			rc = sqlite3_bind_blob64(*ret, i + 1,
			    b->len > 0 ? (const void *)b->data : "", b->len,
			    SQLITE_TRANSIENT);
			break;
		}
		if (rc != SQLITE_OK) {
			va_end(ap);
			sqlite3_finalize(*ret);
			*ret = NULL;
			return store_fail(store, "read");
		}
	}
	va_end(ap);
	return 0;
}

/* Runs a statement that gives no rows, and ends it. */
static int
run(struct store *store, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt), r = 0;

	if (rc == SQLITE_CONSTRAINT)
		r = fail(FAIL_TAKEN, "the store has that already");
	else if (rc != SQLITE_DONE)
		r = store_fail(store, "write");
	sqlite3_finalize(stmt);
	return r;
}

static int
execute(struct store *store, const char *sql, const char *what)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return store_fail(store, what);
	return 0;
}

/* 0 for a row, FAIL_NOT_FOUND at the end. */
static int
step(struct store *store, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 0;
	if (rc == SQLITE_DONE)
		return FAIL_NOT_FOUND;
	return store_fail(store, "read");
}

/* --- columns ----------------------------------------------------------- */

static const char *
column_text(sqlite3_stmt *stmt, int i)
{
	const char *text = (const char *)sqlite3_column_text(stmt, i);

	return text != NULL ? text : "";
}

/* What is longer than it can be is damage. */
static int
copy_text(sqlite3_stmt *stmt, int i, char *ret, size_t size)
{
	const char *text = column_text(stmt, i);

	if (strlen(text) >= size)
		return fail(FAIL_STORE, "the store is damaged");
	memcpy(ret, text, strlen(text) + 1);
	return 0;
}

static int
copy_bytes(sqlite3_stmt *stmt, int i, struct bytes *ret)
{
	const void *data = sqlite3_column_blob(stmt, i);

	return bytes_set(ret, data, (size_t)sqlite3_column_bytes(stmt, i));
}

/* --- opening ----------------------------------------------------------- */

static int
number_of(struct store *store, const char *pragma, int *ret)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt, pragma, "")) != 0)
		return r;
	if ((r = step(store, stmt)) == 0)
		*ret = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return r;
}

static int
migrate_from(struct store *store, int version)
{
	char pragma[64];
	int r;

	for (; version < VERSION; version++) {
		if ((r = execute(store, migrations[version], "write")) != 0)
			return r;
		sqlite3_snprintf(sizeof(pragma), pragma,
		    "PRAGMA user_version = %d; PRAGMA application_id = %d",
		    version + 1, APPLICATION_ID);
		if ((r = execute(store, pragma, "write")) != 0)
			return r;
	}
	return 0;
}

/* Several processes may find an old store at once: one of them migrates it. */
static int
migrate(struct store *store, const char *where)
{
	int version = 0, application = 0, r;

	if ((r = number_of(store, "PRAGMA user_version", &version)) != 0 ||
	    (r = number_of(store, "PRAGMA application_id", &application)) != 0)
		return r;
	if (version != 0 && application != APPLICATION_ID)
		return fail(FAIL_STORE,
		    "%.200s is the database of another program", where);
	if (version > VERSION)
		return fail(FAIL_STORE,
		    "%.200s was written by a later version of sk-tpm-ca",
		    where);
	if (version == VERSION)
		return 0;
	if ((r = store_begin(store)) != 0)
		return r;
	if ((r = number_of(store, "PRAGMA user_version", &version)) != 0 ||
	    (r = migrate_from(store, version)) != 0) {
		store_rollback(store);
		return r;
	}
	return store_commit(store);
}

static int
configure(struct store *store)
{
	sqlite3_busy_timeout(store->db, BUSY_MS);
	sqlite3_extended_result_codes(store->db, 0);
	/* A database that somebody else made is to run no code of its own. */
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return execute(store,
	    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	    "PRAGMA foreign_keys = ON",
	    "open");
}

int
store_open(const char *where, enum store_open how, struct store **ret)
{
	struct store *store = calloc(1, sizeof(*store));
	mode_t mask;
	int flags = SQLITE_OPEN_READWRITE, rc, r;

	*ret = NULL;
	if (store == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	if (how == STORE_CREATE)
		flags |= SQLITE_OPEN_CREATE;
	/* It is nobody else's, and its journals take its mode. */
	mask = umask(077);
	rc = sqlite3_open_v2(where, &store->db, flags, NULL);
	if (rc != SQLITE_OK)
		r = fail(FAIL_STORE, "cannot open the store %.200s: %s", where,
		    store->db != NULL ? sqlite3_errmsg(store->db)
				      : "out of memory");
	else if ((r = configure(store)) == 0)
		r = migrate(store, where);
	umask(mask);
	if (r != 0)
		store_close(store);
	else
		*ret = store;
	return r;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	store_rollback(store);
	sqlite3_close(store->db);
	free(store);
}

int
store_begin(struct store *store)
{
	return execute(store, "BEGIN IMMEDIATE", "write");
}

int
store_commit(struct store *store)
{
	int r = execute(store, "COMMIT", "write");

	if (r != 0)
		store_rollback(store);
	return r;
}

void
store_rollback(struct store *store)
{
	if (sqlite3_get_autocommit(store->db) == 0)
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

/* --- machines ---------------------------------------------------------- */

#define MACHINE_COLUMNS                                                      \
	"machines.number, machines.name, machines.profile, machines.state, " \
	"machines.added, machines.of_inventory"

static int
read_machine(sqlite3_stmt *stmt, struct store_machine *ret)
{
	int r;

	ret->number = sqlite3_column_int64(stmt, 0);
	ret->state = sqlite3_column_int(stmt, 3) == STORE_MACHINE_ENABLED
	    ? STORE_MACHINE_ENABLED
	    : STORE_MACHINE_DISABLED;
	ret->added = sqlite3_column_int64(stmt, 4);
	ret->of_inventory = sqlite3_column_int(stmt, 5) != 0;
	if ((r = copy_text(stmt, 1, ret->name, sizeof(ret->name))) != 0)
		return r;
	return copy_text(stmt, 2, ret->profile, sizeof(ret->profile));
}

static int
one_machine(struct store *store, sqlite3_stmt *stmt, struct store_machine *ret)
{
	int r;

	if ((r = step(store, stmt)) == 0)
		r = read_machine(stmt, ret);
	else if (r == FAIL_NOT_FOUND)
		fail(r, "there is no such machine");
	sqlite3_finalize(stmt);
	return r;
}

int
store_machine_by_name(
    struct store *store, const char *name, struct store_machine *ret)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT " MACHINE_COLUMNS " FROM machines WHERE name = ?", "t",
		 name)) != 0)
		return r;
	return one_machine(store, stmt, ret);
}

int
store_machine_by_id(
    struct store *store, const char *id, struct store_machine *ret)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT " MACHINE_COLUMNS
		 " FROM machines JOIN eks ON eks.machine = machines.number"
		 " WHERE eks.id = ?",
		 "t", id)) != 0)
		return r;
	return one_machine(store, stmt, ret);
}

int
store_machine_by_key(
    struct store *store, const char *fingerprint, struct store_machine *ret)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT " MACHINE_COLUMNS
		 " FROM machines JOIN keys ON keys.machine = machines.number"
		 " WHERE keys.fingerprint = ? AND keys.state = ?"
		 " AND machines.state = ? LIMIT 1",
		 "tii", fingerprint, (int64_t)STORE_KEY_APPROVED,
		 (int64_t)STORE_MACHINE_ENABLED)) != 0)
		return r;
	return one_machine(store, stmt, ret);
}

int
store_machine_add(
    struct store *store, const struct store_machine *machine, int64_t *ret)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "INSERT INTO machines"
		 " (name, profile, state, of_inventory, added)"
		 " VALUES (?, ?, ?, ?, ?)",
		 "ttiii", machine->name, machine->profile,
		 (int64_t)machine->state, (int64_t)machine->of_inventory,
		 machine->added)) != 0)
		return r;
	if ((r = run(store, stmt)) == FAIL_TAKEN)
		return fail(r, "there is a machine %s already", machine->name);
	if (r == 0)
		*ret = sqlite3_last_insert_rowid(store->db);
	return r;
}

int
store_machine_add_id(struct store *store, int64_t machine, const char *id,
    struct slice certificate)
{
	struct store_machine other;
	sqlite3_stmt *stmt;
	int r;

	if ((r = store_machine_by_id(store, id, &other)) == 0)
		return other.number == machine
		    ? 0
		    : fail(FAIL_TAKEN, "%s is the id of the machine %s", id,
			  other.name);
	if (r != FAIL_NOT_FOUND ||
	    (r = prepare(store, &stmt,
		 "INSERT INTO eks (id, machine, certificate) VALUES (?, ?, ?)",
		 "tib", id, machine, &certificate)) != 0)
		return r;
	return run(store, stmt);
}

int
store_machine_rename(struct store *store, int64_t machine, const char *name)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "UPDATE machines SET name = ? WHERE number = ?", "ti", name,
		 machine)) != 0)
		return r;
	if ((r = run(store, stmt)) == FAIL_TAKEN)
		return fail(r, "there is a machine %s already", name);
	return r;
}

int
store_machine_set_profile(
    struct store *store, int64_t machine, const char *profile)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "UPDATE machines SET profile = ? WHERE number = ?", "ti",
		 profile, machine)) != 0)
		return r;
	return run(store, stmt);
}

int
store_machine_set_state(
    struct store *store, int64_t machine, enum store_machine_state state)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "UPDATE machines SET state = ? WHERE number = ?", "ii",
		 (int64_t)state, machine)) != 0)
		return r;
	return run(store, stmt);
}

int
store_machine_remove(struct store *store, int64_t machine, int64_t now)
{
	const struct store_revocation all = {
		.machine = machine,
		.why = "the machine was removed",
	};
	sqlite3_stmt *stmt;
	size_t n;
	int r;

	if ((r = store_revoke(store, &all, now, &n)) != 0 ||
	    (r = prepare(store, &stmt, "DELETE FROM machines WHERE number = ?",
		 "i", machine)) != 0)
		return r;
	return run(store, stmt);
}

int
store_machines_each(struct store *store,
    int (*each)(const struct store_machine *machine, void *arg), void *arg)
{
	struct store_machine machine;
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT " MACHINE_COLUMNS " FROM machines ORDER BY name",
		 "")) != 0)
		return r;
	while ((r = step(store, stmt)) == 0)
		if ((r = read_machine(stmt, &machine)) != 0 ||
		    (r = each(&machine, arg)) != 0)
			break;
	sqlite3_finalize(stmt);
	return r == FAIL_NOT_FOUND ? 0 : r;
}

/* Of one column of text, in a statement that it ends. */
static int
texts_each(struct store *store, sqlite3_stmt *stmt,
    int (*each)(const char *text, void *arg), void *arg)
{
	int r;

	while ((r = step(store, stmt)) == 0)
		if ((r = each(column_text(stmt, 0), arg)) != 0)
			break;
	sqlite3_finalize(stmt);
	return r == FAIL_NOT_FOUND ? 0 : r;
}

int
store_ids_each(struct store *store, int64_t machine,
    int (*each)(const char *id, void *arg), void *arg)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT id FROM eks WHERE machine = ? ORDER BY id", "i",
		 machine)) != 0)
		return r;
	return texts_each(store, stmt, each, arg);
}

/* --- SSH keys of machines ---------------------------------------------- */

#define KEY_COLUMNS                                                            \
	"number, machine, type, state, fingerprint, blob, bound, first_seen, " \
	"last_seen, person"

void
store_key_reset(struct store_key *key)
{
	bytes_reset(&key->blob);
	bytes_reset(&key->bound);
}

static int
read_key(sqlite3_stmt *stmt, struct store_key *ret)
{
	int state = sqlite3_column_int(stmt, 3), r;

	ret->number = sqlite3_column_int64(stmt, 0);
	ret->machine = sqlite3_column_int64(stmt, 1);
	ret->type = sqlite3_column_int(stmt, 2) == CERTIFICATE_HOST
	    ? CERTIFICATE_HOST
	    : CERTIFICATE_USER;
	/* What is not known gets no certificates. */
	ret->state = state >= STORE_KEY_EXPECTED && state <= STORE_KEY_REVOKED
	    ? (enum store_key_state)state
	    : STORE_KEY_REVOKED;
	ret->first_seen = sqlite3_column_int64(stmt, 7);
	ret->last_seen = sqlite3_column_int64(stmt, 8);
	if ((r = copy_text(
		 stmt, 4, ret->fingerprint, sizeof(ret->fingerprint))) != 0 ||
	    (r = copy_text(stmt, 9, ret->person, sizeof(ret->person))) != 0 ||
	    (r = copy_bytes(stmt, 5, &ret->blob)) != 0)
		return r;
	return copy_bytes(stmt, 6, &ret->bound);
}

int
store_key_find(struct store *store, int64_t machine, enum certificate_type type,
    const char *fingerprint, struct store_key *ret)
{
	sqlite3_stmt *stmt;
	int r;

	*ret = (struct store_key){ 0 };
	if ((r = prepare(store, &stmt,
		 "SELECT " KEY_COLUMNS " FROM keys"
		 " WHERE machine = ? AND type = ? AND fingerprint = ?",
		 "iit", machine, (int64_t)type, fingerprint)) != 0)
		return r;
	if ((r = step(store, stmt)) == 0)
		r = read_key(stmt, ret);
	else if (r == FAIL_NOT_FOUND)
		fail(r, "the machine has no such key");
	sqlite3_finalize(stmt);
	return r;
}

int
store_key_put(struct store *store, const struct store_key *key)
{
	const struct slice blob = bytes_slice(&key->blob);
	const struct slice bound = bytes_slice(&key->bound);
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "INSERT INTO keys (machine, type, state, fingerprint, person,"
		 " blob, bound, first_seen, last_seen)"
		 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
		 " ON CONFLICT (machine, type, fingerprint) DO UPDATE SET"
		 " state = excluded.state, blob = excluded.blob,"
		 " bound = excluded.bound, first_seen = excluded.first_seen,"
		 " last_seen = excluded.last_seen",
		 "iiittbbii", key->machine, (int64_t)key->type,
		 (int64_t)key->state, key->fingerprint, key->person, &blob,
		 &bound, key->first_seen, key->last_seen)) != 0)
		return r;
	return run(store, stmt);
}

int
store_keys_replace(
    struct store *store, const struct store_key *key, bool expected_too)
{
	const enum store_key_state also =
	    expected_too ? STORE_KEY_EXPECTED : STORE_KEY_APPROVED;
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "UPDATE keys SET state = ? WHERE machine = ? AND type = ?"
		 " AND person = ? AND fingerprint != ?"
		 " AND (state = ? OR state = ?)",
		 "iiittii", (int64_t)STORE_KEY_REPLACED, key->machine,
		 (int64_t)key->type, key->person, key->fingerprint,
		 (int64_t)STORE_KEY_APPROVED, (int64_t)also)) != 0)
		return r;
	return run(store, stmt);
}

int
store_keys_each(struct store *store, int64_t machine,
    int (*each)(const struct store_key *key, void *arg), void *arg)
{
	struct store_key key = { 0 };
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT " KEY_COLUMNS
		 " FROM keys WHERE machine = ? ORDER BY type, number",
		 "i", machine)) != 0)
		return r;
	while ((r = step(store, stmt)) == 0)
		if ((r = read_key(stmt, &key)) != 0 ||
		    (r = each(&key, arg)) != 0)
			break;
	store_key_reset(&key);
	sqlite3_finalize(stmt);
	return r == FAIL_NOT_FOUND ? 0 : r;
}

/* --- machines that wait ------------------------------------------------ */

#define WAITING_COLUMNS                                                       \
	"number, id, state, certified, certificate, issuer, maker, problem, " \
	"name, address, times, first_seen, last_seen"

void
store_waiting_reset(struct store_waiting *waiting)
{
	bytes_reset(&waiting->certificate);
	bytes_reset(&waiting->issuer);
	bytes_reset(&waiting->maker);
	bytes_reset(&waiting->problem);
	bytes_reset(&waiting->name);
}

static int
read_waiting(sqlite3_stmt *stmt, struct store_waiting *ret)
{
	int r;

	ret->number = sqlite3_column_int64(stmt, 0);
	ret->refused = sqlite3_column_int(stmt, 2) != 0;
	ret->certified = sqlite3_column_int(stmt, 3) != 0;
	ret->times = sqlite3_column_int64(stmt, 10);
	ret->first_seen = sqlite3_column_int64(stmt, 11);
	ret->last_seen = sqlite3_column_int64(stmt, 12);
	if ((r = copy_text(stmt, 1, ret->id, sizeof(ret->id))) != 0 ||
	    (r = copy_text(stmt, 9, ret->address, sizeof(ret->address))) != 0 ||
	    (r = copy_bytes(stmt, 4, &ret->certificate)) != 0 ||
	    (r = copy_bytes(stmt, 5, &ret->issuer)) != 0 ||
	    (r = copy_bytes(stmt, 6, &ret->maker)) != 0 ||
	    (r = copy_bytes(stmt, 7, &ret->problem)) != 0)
		return r;
	return copy_bytes(stmt, 8, &ret->name);
}

int
store_waiting_find(
    struct store *store, const char *id, struct store_waiting *ret)
{
	sqlite3_stmt *stmt;
	int r;

	*ret = (struct store_waiting){ 0 };
	if ((r = prepare(store, &stmt,
		 "SELECT " WAITING_COLUMNS " FROM waiting WHERE id = ?", "t",
		 id)) != 0)
		return r;
	if ((r = step(store, stmt)) == 0)
		r = read_waiting(stmt, ret);
	else if (r == FAIL_NOT_FOUND)
		fail(r, "no machine with that id waits");
	sqlite3_finalize(stmt);
	return r;
}

int
store_waiting_put(struct store *store, const struct store_waiting *w)
{
	const struct slice certificate = bytes_slice(&w->certificate);
	const struct slice issuer = bytes_slice(&w->issuer);
	const struct slice maker = bytes_slice(&w->maker);
	const struct slice problem = bytes_slice(&w->problem);
	const struct slice name = bytes_slice(&w->name);
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "INSERT INTO waiting (id, state, certified, certificate,"
		 " issuer, maker, problem, name, address, times, first_seen,"
		 " last_seen) VALUES (?, ?, ?, ?, CAST(? AS TEXT),"
		 " CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?,"
		 " ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state,"
		 " certified = excluded.certified,"
		 " certificate = excluded.certificate,"
		 " issuer = excluded.issuer, maker = excluded.maker,"
		 " problem = excluded.problem, name = excluded.name,"
		 " address = excluded.address, times = excluded.times,"
		 " last_seen = excluded.last_seen",
		 "tiibbbbbtiii", w->id, (int64_t)w->refused,
		 (int64_t)w->certified, &certificate, &issuer, &maker, &problem,
		 &name, w->address, w->times, w->first_seen, w->last_seen)) !=
	    0)
		return r;
	return run(store, stmt);
}

int
store_waiting_each(struct store *store,
    int (*each)(const struct store_waiting *waiting, void *arg), void *arg)
{
	struct store_waiting waiting = { 0 };
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT " WAITING_COLUMNS " FROM waiting ORDER BY number",
		 "")) != 0)
		return r;
	while ((r = step(store, stmt)) == 0)
		if ((r = read_waiting(stmt, &waiting)) != 0 ||
		    (r = each(&waiting, arg)) != 0)
			break;
	store_waiting_reset(&waiting);
	sqlite3_finalize(stmt);
	return r == FAIL_NOT_FOUND ? 0 : r;
}

int
store_waiting_remove(struct store *store, const char *id)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt, "DELETE FROM waiting WHERE id = ?", "t",
		 id)) != 0)
		return r;
	return run(store, stmt);
}

int
store_waiting_expire(struct store *store, int64_t before)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "DELETE FROM waiting WHERE state = 0 AND last_seen < ?", "i",
		 before)) != 0)
		return r;
	return run(store, stmt);
}

void
store_waiting_key_reset(struct store_waiting_key *key)
{
	bytes_reset(&key->claims);
	bytes_reset(&key->blob);
	bytes_reset(&key->bound);
}

int
store_waiting_key_put(
    struct store *store, int64_t waiting, const struct store_waiting_key *key)
{
	const struct slice claims = bytes_slice(&key->claims);
	const struct slice blob = bytes_slice(&key->blob);
	const struct slice bound = bytes_slice(&key->bound);
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "INSERT INTO waiting_keys (waiting, type, fingerprint, person,"
		 " claims, blob, bound, first_seen)"
		 " VALUES (?, ?, ?, ?, CAST(? AS TEXT), ?, ?, ?)",
		 "iittbbbi", waiting, (int64_t)key->type, key->fingerprint,
		 key->person, &claims, &blob, &bound, key->first_seen)) != 0)
		return r;
	return run(store, stmt);
}

static int
read_waiting_key(sqlite3_stmt *stmt, struct store_waiting_key *ret)
{
	int r;

	ret->type = sqlite3_column_int(stmt, 0) == CERTIFICATE_HOST
	    ? CERTIFICATE_HOST
	    : CERTIFICATE_USER;
	ret->first_seen = sqlite3_column_int64(stmt, 6);
	if ((r = copy_text(
		 stmt, 1, ret->fingerprint, sizeof(ret->fingerprint))) != 0 ||
	    (r = copy_text(stmt, 2, ret->person, sizeof(ret->person))) != 0 ||
	    (r = copy_bytes(stmt, 3, &ret->claims)) != 0 ||
	    (r = copy_bytes(stmt, 4, &ret->blob)) != 0)
		return r;
	return copy_bytes(stmt, 5, &ret->bound);
}

int
store_waiting_keys_each(struct store *store, int64_t waiting,
    int (*each)(const struct store_waiting_key *key, void *arg), void *arg)
{
	struct store_waiting_key key = { 0 };
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT type, fingerprint, person, claims, blob, bound,"
		 " first_seen FROM waiting_keys WHERE waiting = ?"
		 " ORDER BY rowid",
		 "i", waiting)) != 0)
		return r;
	while ((r = step(store, stmt)) == 0)
		if ((r = read_waiting_key(stmt, &key)) != 0 ||
		    (r = each(&key, arg)) != 0)
			break;
	store_waiting_key_reset(&key);
	sqlite3_finalize(stmt);
	return r == FAIL_NOT_FOUND ? 0 : r;
}

/* --- certificates ------------------------------------------------------ */

#define CERTIFICATE_COLUMNS                                            \
	"serial, machine, type, fingerprint, ca_fingerprint, key_id, " \
	"principals, blob, issued, valid_from, valid_to, revoked, why, person"

void
store_certificate_reset(struct store_certificate *certificate)
{
	bytes_reset(&certificate->key_id);
	bytes_reset(&certificate->principals);
	bytes_reset(&certificate->blob);
	bytes_reset(&certificate->why);
}

static int
read_certificate(sqlite3_stmt *stmt, struct store_certificate *ret)
{
	int r;

	ret->serial = (uint64_t)sqlite3_column_int64(stmt, 0);
	ret->machine = sqlite3_column_int64(stmt, 1);
	ret->type = sqlite3_column_int(stmt, 2) == CERTIFICATE_HOST
	    ? CERTIFICATE_HOST
	    : CERTIFICATE_USER;
	ret->issued = sqlite3_column_int64(stmt, 8);
	ret->valid_from = sqlite3_column_int64(stmt, 9);
	ret->valid_to = sqlite3_column_int64(stmt, 10);
	ret->revoked = sqlite3_column_int64(stmt, 11);
	if ((r = copy_text(
		 stmt, 3, ret->fingerprint, sizeof(ret->fingerprint))) != 0 ||
	    (r = copy_text(stmt, 4, ret->ca_fingerprint,
		 sizeof(ret->ca_fingerprint))) != 0 ||
	    (r = copy_text(stmt, 13, ret->person, sizeof(ret->person))) != 0 ||
	    (r = copy_bytes(stmt, 5, &ret->key_id)) != 0 ||
	    (r = copy_bytes(stmt, 6, &ret->principals)) != 0 ||
	    (r = copy_bytes(stmt, 7, &ret->blob)) != 0)
		return r;
	return copy_bytes(stmt, 12, &ret->why);
}

/* A statement of such columns, which it ends. */
static int
certificates_each(struct store *store, sqlite3_stmt *stmt,
    int (*each)(const struct store_certificate *certificate, void *arg),
    void *arg)
{
	struct store_certificate certificate = { 0 };
	int r;

	while ((r = step(store, stmt)) == 0)
		if ((r = read_certificate(stmt, &certificate)) != 0 ||
		    (r = each(&certificate, arg)) != 0)
			break;
	store_certificate_reset(&certificate);
	sqlite3_finalize(stmt);
	return r == FAIL_NOT_FOUND ? 0 : r;
}

int
store_certificate_add(struct store *store, const struct store_certificate *cert)
{
	const struct slice blob = bytes_slice(&cert->blob);
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "INSERT INTO certificates (serial, machine, type, fingerprint,"
		 " person, ca_fingerprint, key_id, principals, blob, issued,"
		 " valid_from, valid_to) VALUES (?, ?, ?, ?, ?, ?,"
		 " CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, ?)",
		 "iiitttbbbiii", (int64_t)cert->serial, cert->machine,
		 (int64_t)cert->type, cert->fingerprint, cert->person,
		 cert->ca_fingerprint,
		 &(struct slice){ cert->key_id.data, cert->key_id.len },
		 &(struct slice){ cert->principals.data, cert->principals.len },
		 &blob, cert->issued, cert->valid_from, cert->valid_to)) != 0)
		return r;
	return run(store, stmt);
}

int
store_ca_key_put(struct store *store, enum certificate_type type,
    const char *fingerprint, struct slice blob)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "INSERT OR IGNORE INTO ca_keys VALUES (?, ?, ?)", "tib",
		 fingerprint, (int64_t)type, &blob)) != 0)
		return r;
	return run(store, stmt);
}

int
store_ca_keys_each(struct store *store, enum certificate_type type, int64_t now,
    int (*each)(struct slice blob, void *arg), void *arg)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT blob FROM ca_keys WHERE type = ?"
		 " AND fingerprint NOT IN (SELECT fingerprint FROM revoked_keys)"
		 " AND EXISTS (SELECT 1 FROM certificates"
		 "  WHERE ca_fingerprint = ca_keys.fingerprint"
		 "  AND revoked = 0 AND valid_to > ?) ORDER BY rowid",
		 "ii", (int64_t)type, now)) != 0)
		return r;
	while ((r = step(store, stmt)) == 0) {
		struct slice blob = { sqlite3_column_blob(stmt, 0),
			(size_t)sqlite3_column_bytes(stmt, 0) };

		if ((r = each(blob, arg)) != 0)
			break;
	}
	sqlite3_finalize(stmt);
	return r == FAIL_NOT_FOUND ? 0 : r;
}

int
store_machines_since(struct store *store, int64_t since, size_t *ret)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT count(DISTINCT machine) FROM certificates"
		 " WHERE issued >= ?",
		 "i", since)) != 0)
		return r;
	if ((r = step(store, stmt)) == 0)
		*ret = (size_t)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return r;
}

static int
mark_stale(struct store *store)
{
	return execute(store, "UPDATE krl SET stale = 1", "write");
}

int
store_revoke(struct store *store, const struct store_revocation *which,
    int64_t now, size_t *ret_n)
{
	const char *fingerprint =
	    which->fingerprint != NULL ? which->fingerprint : "";
	const char *person = which->person != NULL ? which->person : "";
	sqlite3_stmt *stmt;
	int r;

	*ret_n = 0;
	if ((r = prepare(store, &stmt,
		 "UPDATE certificates SET revoked = ?1, why = ?2"
		 " WHERE revoked = 0 AND (?3 = 0 OR machine = ?3)"
		 " AND (?4 = 0 OR serial = ?4)"
		 " AND (?5 = '' OR fingerprint = ?5)"
		 " AND (?6 = '' OR person = ?6)",
		 "itiitt", now, which->why, which->machine,
		 (int64_t)which->serial, fingerprint, person)) != 0 ||
	    (r = run(store, stmt)) != 0)
		return r;
	*ret_n = (size_t)sqlite3_changes(store->db);
	return *ret_n > 0 ? mark_stale(store) : 0;
}

int
store_key_is_revoked(struct store *store, const char *fingerprint, bool *ret)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT 1 FROM revoked_keys WHERE fingerprint = ?", "t",
		 fingerprint)) != 0)
		return r;
	r = step(store, stmt);
	*ret = r == 0;
	sqlite3_finalize(stmt);
	return r == FAIL_NOT_FOUND ? 0 : r;
}

int
store_revoke_key(
    struct store *store, const char *fingerprint, const char *why, int64_t now)
{
	const struct store_revocation of_key = {
		.fingerprint = fingerprint,
		.why = why,
	};
	sqlite3_stmt *stmt;
	size_t n;
	int r;

	if ((r = store_revoke(store, &of_key, now, &n)) != 0 ||
	    (r = prepare(store, &stmt,
		 "UPDATE keys SET state = ? WHERE fingerprint = ?", "it",
		 (int64_t)STORE_KEY_REVOKED, fingerprint)) != 0 ||
	    (r = run(store, stmt)) != 0 ||
	    (r = prepare(store, &stmt,
		 "INSERT OR IGNORE INTO revoked_keys VALUES (?, ?, ?)", "tit",
		 fingerprint, now, why)) != 0 ||
	    (r = run(store, stmt)) != 0)
		return r;
	return mark_stale(store);
}

int
store_certificates_each(struct store *store, int64_t machine,
    int (*each)(const struct store_certificate *certificate, void *arg),
    void *arg)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT " CERTIFICATE_COLUMNS " FROM certificates"
		 " WHERE ?1 = 0 OR machine = ?1"
		 " ORDER BY issued DESC, rowid DESC",
		 "i", machine)) != 0)
		return r;
	return certificates_each(store, stmt, each, arg);
}

int
store_revoked_each(struct store *store, int64_t now,
    int (*each)(const struct store_certificate *certificate, void *arg),
    void *arg)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT " CERTIFICATE_COLUMNS " FROM certificates"
		 " WHERE revoked != 0 AND valid_to > ?"
		 " ORDER BY ca_fingerprint, serial",
		 "i", now)) != 0)
		return r;
	return certificates_each(store, stmt, each, arg);
}

int
store_revoked_keys_each(struct store *store,
    int (*each)(const char *fingerprint, void *arg), void *arg)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT fingerprint FROM revoked_keys ORDER BY fingerprint",
		 "")) != 0)
		return r;
	return texts_each(store, stmt, each, arg);
}

int
store_krl(struct store *store, struct bytes *ret, uint64_t *ret_version,
    bool *ret_stale)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(
		 store, &stmt, "SELECT version, stale, krl FROM krl", "")) != 0)
		return r;
	if ((r = step(store, stmt)) == 0) {
		*ret_version = (uint64_t)sqlite3_column_int64(stmt, 0);
		*ret_stale = sqlite3_column_int(stmt, 1) != 0;
		r = copy_bytes(stmt, 2, ret);
	} else if (r == FAIL_NOT_FOUND) {
		r = fail(FAIL_STORE, "the store is damaged");
	}
	sqlite3_finalize(stmt);
	return r;
}

int
store_krl_put(struct store *store, struct slice krl, uint64_t version)
{
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "UPDATE krl SET version = ?, stale = 0, krl = ?", "ib",
		 (int64_t)version, &krl)) != 0)
		return r;
	return run(store, stmt);
}

/* --- audit ------------------------------------------------------------- */

void
store_audit_reset(struct store_audit *row)
{
	bytes_reset(&row->row);
}

static int
read_audit(sqlite3_stmt *stmt, struct store_audit *ret)
{
	ret->number = sqlite3_column_int64(stmt, 0);
	ret->time = sqlite3_column_int64(stmt, 1);
	if (sqlite3_column_bytes(stmt, 3) != sizeof(ret->hash))
		return fail(FAIL_STORE, "the store is damaged");
	memcpy(ret->hash, sqlite3_column_blob(stmt, 3), sizeof(ret->hash));
	return copy_bytes(stmt, 2, &ret->row);
}

int
store_audit_last(struct store *store, struct store_audit *ret)
{
	sqlite3_stmt *stmt;
	int r;

	*ret = (struct store_audit){ 0 };
	if ((r = prepare(store, &stmt,
		 "SELECT number, time, row, hash FROM audit"
		 " ORDER BY number DESC LIMIT 1",
		 "")) != 0)
		return r;
	if ((r = step(store, stmt)) == 0)
		r = read_audit(stmt, ret);
	else if (r == FAIL_NOT_FOUND)
		r = 0;
	sqlite3_finalize(stmt);
	return r;
}

int
store_audit_add(struct store *store, const struct store_audit *row)
{
	const struct slice text = bytes_slice(&row->row);
	const struct slice hash = { row->hash, sizeof(row->hash) };
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt, "INSERT INTO audit VALUES (?, ?, ?, ?)",
		 "iibb", row->number, row->time, &text, &hash)) != 0)
		return r;
	return run(store, stmt);
}

int
store_audit_each(struct store *store, int64_t from,
    int (*each)(const struct store_audit *row, void *arg), void *arg)
{
	struct store_audit row = { 0 };
	sqlite3_stmt *stmt;
	int r;

	if ((r = prepare(store, &stmt,
		 "SELECT number, time, row, hash FROM audit WHERE number >= ?"
		 " ORDER BY number",
		 "i", from)) != 0)
		return r;
	while ((r = step(store, stmt)) == 0)
		if ((r = read_audit(stmt, &row)) != 0 ||
		    (r = each(&row, arg)) != 0)
			break;
	store_audit_reset(&row);
	sqlite3_finalize(stmt);
	return r == FAIL_NOT_FOUND ? 0 : r;
}
