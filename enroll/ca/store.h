/* SPDX-License-Identifier: ISC */
/*
 * What a CA remembers: machines, their endorsement keys' ids, their SSH keys,
 * certificates and the audit log. One SQL schema behind this interface;
 * store-sqlite.c has the engine.
 *
 * Texts and blobs that go in are borrowed for the call. Those that come out of
 * a store_..._each function are borrowed by the callee until it returns;
 * structures that a function fills are the caller's, to end with their _reset.
 *
 * Everything is FAIL_STORE where the store cannot be read or written (locked,
 * full, read-only, damaged), and FAIL_MEMORY without memory.
 */
#ifndef SKTPM_CA_STORE_H
#define SKTPM_CA_STORE_H

#include "attest/machine-id.h"
#include "base/bytes.h"
#include "base/sha256.h"
#include "ssh/sshkey.h"

struct store;

/* What a machine may be called: [a-z0-9][a-z0-9.-]*, of this length at most. */
#define STORE_NAME_MAX 64
#define STORE_FINGERPRINT_LEN 50 /* "SHA256:" and base64 without padding */
#define STORE_PERSON_MAX 63	 /* of an account's name */
#define STORE_ADDRESS_MAX 63

enum store_open {
	STORE_EXISTING, /* FAIL_STORE where there is none */
	STORE_CREATE,	/* as well */
};

/*
 * Opens what `Store` of sk-tpm-ca.conf names, and brings its schema up to this
 * version by numbered migrations. One of a later version is FAIL_STORE. The
 * caller ends with store_close, which takes NULL and rolls back.
 */
int store_open(
    const char *where, enum store_open how, struct store **ret) MUST_CHECK;
void store_close(struct store *store);

/*
 * What changes the store is between store_begin, which waits for other writers
 * for a bounded time, and store_commit. What was read between them holds until
 * then. A commit that failed has changed nothing.
 */
int store_begin(struct store *store) MUST_CHECK;
int store_commit(struct store *store) MUST_CHECK;
void store_rollback(struct store *store); /* no transaction: nothing */

/* --- machines ---------------------------------------------------------- */

enum store_machine_state {
	STORE_MACHINE_ENABLED,
	STORE_MACHINE_DISABLED, /* gets no certificates; those it has are
				   revoked */
};

struct store_machine {
	int64_t number; /* stays over a rename; never used again */
	char name[STORE_NAME_MAX + 1];
	char profile[STORE_NAME_MAX + 1];
	enum store_machine_state state;
	bool of_inventory; /* InventoryCommand named it, and is asked again */
	int64_t added;	   /* seconds since 1970 */
};

/* FAIL_NOT_FOUND where there is none. */
int store_machine_by_name(struct store *store, const char *name,
    struct store_machine *ret) MUST_CHECK;
int store_machine_by_id(
    struct store *store, const char *id, struct store_machine *ret) MUST_CHECK;

/* FAIL_TAKEN where that name is a machine's, or that id another machine's. */
int store_machine_add(struct store *store, const struct store_machine *machine,
    int64_t *ret_number) MUST_CHECK; /* its own number is not read */
int store_machine_add_id(struct store *store, int64_t machine, const char *id,
    struct slice certificate) MUST_CHECK; /* DER of the EK's; empty: none */
int store_machine_rename(
    struct store *store, int64_t machine, const char *name) MUST_CHECK;
int store_machine_set_profile(
    struct store *store, int64_t machine, const char *profile) MUST_CHECK;
int store_machine_set_state(struct store *store, int64_t machine,
    enum store_machine_state state) MUST_CHECK;
/* With its ids and keys. Its certificates stay, revoked. */
int store_machine_remove(
    struct store *store, int64_t machine, int64_t now) MUST_CHECK;

/* Each stops at, and returns, the first result of `each` that is not 0. */
int store_machines_each(struct store *store,
    int (*each)(const struct store_machine *machine, void *arg),
    void *arg) MUST_CHECK;
int store_ids_each(struct store *store, int64_t machine,
    int (*each)(const char *id, void *arg), void *arg) MUST_CHECK;

/* --- SSH keys of machines ---------------------------------------------- */

enum store_key_state {
	STORE_KEY_EXPECTED, /* named by an administrator, not seen yet */
	STORE_KEY_PENDING,  /* seen, and waits for an administrator's word */
	STORE_KEY_APPROVED, /* may have certificates */
	STORE_KEY_REPLACED, /* another has taken its place */
	STORE_KEY_REVOKED,
};

struct store_key {
	int64_t number;
	int64_t machine;
	enum certificate_type type; /* what it is certified as */
	enum store_key_state state;
	char fingerprint[STORE_FINGERPRINT_LEN + 1];
	char person[STORE_PERSON_MAX + 1]; /* whose; empty: the machine's own */
	struct bytes blob;		   /* empty while it is only expected */
	struct bytes bound; /* the bound entries of its handle; likewise */
	int64_t first_seen, last_seen; /* seconds since 1970; 0: not yet */
};

void store_key_reset(struct store_key *key);

/* FAIL_NOT_FOUND where there is none. */
int store_key_find(struct store *store, int64_t machine,
    enum certificate_type type, const char *fingerprint,
    struct store_key *ret) MUST_CHECK;

/*
 * The enabled machine that an approved key with this fingerprint belongs to,
 * of either type: whether a login is one of a known machine.
 */
int store_machine_by_key(struct store *store, const char *fingerprint,
    struct store_machine *ret) MUST_CHECK;

/*
 * Adds the key, or gives the one of that machine, type and fingerprint its
 * state, blob, bound entries and times.
 */
int store_key_put(struct store *store, const struct store_key *key) MUST_CHECK;

/*
 * One key a machine, type and person: all others that are approved, or with
 * `expected_too` expected, have given their place to `key`.
 */
int store_keys_replace(struct store *store, const struct store_key *key,
    bool expected_too) MUST_CHECK;

int store_keys_each(struct store *store, int64_t machine,
    int (*each)(const struct store_key *key, void *arg), void *arg) MUST_CHECK;

/* --- machines that wait ------------------------------------------------ */

/* One that proved an endorsement key that no machine of the store has. */
struct store_waiting {
	int64_t number;
	char id[MACHINE_ID_LEN + 1];
	bool refused;		  /* an administrator said no */
	bool certified;		  /* its EK's certificate leads to a root */
	struct bytes certificate; /* DER; empty: none */
	struct bytes issuer, maker, problem; /* text, of attest/ek-cert-words
						and of why it leads to none */
	struct bytes name;		     /* what it calls itself */
	char address[STORE_ADDRESS_MAX + 1]; /* it came from, last */
	int64_t times;			     /* it asked */
	int64_t first_seen, last_seen;	     /* seconds since 1970 */
};

struct store_waiting_key {
	enum certificate_type type;
	char fingerprint[STORE_FINGERPRINT_LEN + 1];
	char person[STORE_PERSON_MAX + 1];
	struct bytes claims; /* text: PIN, limits, ... */
	struct bytes blob, bound;
	int64_t first_seen;
};

void store_waiting_reset(struct store_waiting *waiting);
void store_waiting_key_reset(struct store_waiting_key *key);

/* FAIL_NOT_FOUND where there is none. */
int store_waiting_find(
    struct store *store, const char *id, struct store_waiting *ret) MUST_CHECK;
/* Adds it, or gives the one of that id all but its number and first time. */
int store_waiting_put(
    struct store *store, const struct store_waiting *waiting) MUST_CHECK;
/* In the order of their coming, those that were refused as well. */
int store_waiting_each(struct store *store,
    int (*each)(const struct store_waiting *waiting, void *arg),
    void *arg) MUST_CHECK;
/* With its keys; none is fine. */
int store_waiting_remove(struct store *store, const char *id) MUST_CHECK;
/* Those that have not asked since; not those that were refused. */
int store_waiting_expire(struct store *store, int64_t before) MUST_CHECK;
/* FAIL_TAKEN where it is there. */
int store_waiting_key_put(struct store *store, int64_t waiting,
    const struct store_waiting_key *key) MUST_CHECK;
int store_waiting_keys_each(struct store *store, int64_t waiting,
    int (*each)(const struct store_waiting_key *key, void *arg),
    void *arg) MUST_CHECK;

/* --- certificates ------------------------------------------------------ */

struct store_certificate {
	uint64_t serial; /* of 63 bits, not 0 */
	int64_t machine; /* stays where that is removed */
	enum certificate_type type;
	char fingerprint[STORE_FINGERPRINT_LEN + 1]; /* of the key */
	char person[STORE_PERSON_MAX + 1];	     /* empty: none */
	char ca_fingerprint[STORE_FINGERPRINT_LEN + 1];
	struct bytes key_id, principals; /* text; principals parted by commas */
	struct bytes blob;		 /* the certificate itself */
	int64_t issued, valid_from, valid_to;
	int64_t revoked;  /* 0: it is not */
	struct bytes why; /* text; empty: not revoked */
};

void store_certificate_reset(struct store_certificate *certificate);

/* FAIL_TAKEN where there is a certificate of that serial. */
int store_certificate_add(
    struct store *store, const struct store_certificate *cert) MUST_CHECK;

/* Which certificates store_revoke is to revoke: 0 and NULL are any. */
struct store_revocation {
	int64_t machine;
	uint64_t serial;
	const char *fingerprint;
	const char *person;
	const char *why;
};

/*
 * A key that signed, to be handed out for as long as a certificate of it is
 * valid. It may be there already.
 */
int store_ca_key_put(struct store *store, enum certificate_type type,
    const char *fingerprint, struct slice blob) MUST_CHECK;
/* Those of a type with a valid certificate, and that are not revoked. */
int store_ca_keys_each(struct store *store, enum certificate_type type,
    int64_t now, int (*each)(struct slice blob, void *arg),
    void *arg) MUST_CHECK;

/* How many machines had a certificate issued since. */
int store_machines_since(
    struct store *store, int64_t since, size_t *ret) MUST_CHECK;

/* How many that were not revoked before. */
int store_revoke(struct store *store, const struct store_revocation *which,
    int64_t now, size_t *ret_n) MUST_CHECK;

/* Of all, or one machine's if it is not 0; the newest first. */
int store_certificates_each(struct store *store, int64_t machine,
    int (*each)(const struct store_certificate *certificate, void *arg),
    void *arg) MUST_CHECK;

/*
 * Those that end after `now` and were revoked, in the order of their CA's keys;
 * and the fingerprints of all keys that were: what a KRL is made of.
 */
int store_revoked_each(struct store *store, int64_t now,
    int (*each)(const struct store_certificate *certificate, void *arg),
    void *arg) MUST_CHECK;
int store_revoked_keys_each(struct store *store,
    int (*each)(const char *fingerprint, void *arg), void *arg) MUST_CHECK;

/* Whether store_revoke_key was called for it, whoever has it. */
int store_key_is_revoked(
    struct store *store, const char *fingerprint, bool *ret) MUST_CHECK;

/* A key is no key any more, whoever has it; with all of its certificates. */
int store_revoke_key(struct store *store, const char *fingerprint,
    const char *why, int64_t now) MUST_CHECK;

/*
 * The current KRL, and the version of it, which only grows. Empty, and 0, while
 * there was none. `stale` tells whether something was revoked since.
 */
int store_krl(struct store *store, struct bytes *ret, uint64_t *ret_version,
    bool *ret_stale) MUST_CHECK;
int store_krl_put(
    struct store *store, struct slice krl, uint64_t version) MUST_CHECK;

/* --- audit ------------------------------------------------------------- */

struct store_audit {
	int64_t number;		  /* 1, 2, ... without a gap */
	int64_t time;		  /* seconds since 1970 */
	struct bytes row;	  /* one JSON object; audit.h has its members */
	uint8_t hash[SHA256_LEN]; /* over the one before, and all of this one */
};

/* Within a transaction. *ret_last is all zero, with number 0, for none. */
int store_audit_last(struct store *store, struct store_audit *ret) MUST_CHECK;
int store_audit_add(
    struct store *store, const struct store_audit *row) MUST_CHECK;
/* From that number on. */
int store_audit_each(struct store *store, int64_t from,
    int (*each)(const struct store_audit *row, void *arg),
    void *arg) MUST_CHECK;
void store_audit_reset(struct store_audit *row);

#endif
