/* SPDX-License-Identifier: ISC */
/*
 * The audit log: one row a decision, in the transaction of what it tells. Each
 * row's hash covers the one before: SHA-256( previous hash | number, 8 bytes |
 * time, 8 bytes | row ), big-endian. It is mirrored to syslog once committed,
 * with its number and hash, so that a row cut off the end is found.
 */
#ifndef SKTPM_CA_AUDIT_H
#define SKTPM_CA_AUDIT_H

#include "ca/store.h"

/* What was decided. Texts may be foreign: they are escaped. NULL: not known. */
struct audit_event {
	const char
	    *what;	/* "issued", "refused", "pending", "machine add", ... */
	const char *by; /* the account that did it, or "relay" */
	const char *machine, *id, *fingerprint, *login;
	const char *person;  /* who logged in as themselves */
	const char *address; /* from where */
	const char *code;    /* of a refusal: a CODE of PROTOCOL.md */
	const char *text;    /* why, or what */
	const char *type;    /* "user" or "host" */
	uint64_t serial;     /* 0: none */
};

/*
 * Adds the row, between store_begin and store_commit. 0, FAIL_STORE,
 * FAIL_MEMORY. *ret, the caller's, is for audit_mirror after the commit.
 */
int audit_add(struct store *store, const struct audit_event *event, int64_t now,
    struct store_audit *ret) MUST_CHECK;

/* The hash that a row has behind one with that hash. 0 or FAIL_INTERNAL. */
int audit_hash(const uint8_t before[SHA256_LEN], const struct store_audit *row,
    uint8_t ret[SHA256_LEN]) MUST_CHECK;

/* Sends a committed row to syslog: "audit NUMBER HASH ROW", the hash in hex. */
void audit_mirror(const struct store_audit *row);

/*
 * Adds a row in a transaction of its own, and mirrors it. For decisions that
 * change nothing else.
 */
int audit_alone(struct store *store, const struct audit_event *event,
    int64_t now) MUST_CHECK;

#endif
