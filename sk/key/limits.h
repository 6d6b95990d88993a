/* SPDX-License-Identifier: ISC */
/*
 * Limits on what a key may sign, chosen when it is made. They are part of the
 * key handle and bound to the key, so that editing the key file cannot lift
 * them. It is this software that enforces them, not the TPM. In CBOR, an array
 * of
 *
 *	uint		kinds, bits of enum limit_kind; 0: no limit at all
 *	array of text	SSHSIG namespaces; empty: any. Needs LIMIT_SIGN
 *	array of bytes	SHA-256 of servers' host keys; empty: any server.
 *			Needs LIMIT_LOGIN
 */
#ifndef SKTPM_LIMITS_H
#define SKTPM_LIMITS_H

#include "base/bytes.h"

enum limit_kind {
	LIMIT_LOGIN = 0x01, /* REQUEST_LOGIN */
	LIMIT_SIGN = 0x02,  /* REQUEST_SSHSIG */
	LIMIT_CA = 0x04,    /* REQUEST_CERTIFICATE */
	LIMIT_HOST = 0x08,  /* REQUEST_HOST_KEY_PROOF, REQUEST_KEY_EXCHANGE */
	LIMIT_ALL = 0x0f,
};

#define LIMIT_KINDS 4

/* What each kind is called, in the order in which they are shown. */
extern const struct limit_name {
	enum limit_kind kind;
	const char *name;   /* to a program, and as --limit takes it */
	const char *phrase; /* as in "this key is limited to ..." */
} limit_names[LIMIT_KINDS];

/* All that --limit takes; keep it in step with the names. */
#define LIMIT_CHOICES "login, sign, sign:NAMESPACE, ca or host"

#define LIMITS_MAX 16		/* namespaces, and servers */
#define LIMITS_NAMESPACE_MAX 64 /* bytes of a namespace */

struct limits {
	unsigned int kinds;
	size_t n_namespaces, n_servers;
	struct bytes namespaces[LIMITS_MAX];
	uint8_t servers[LIMITS_MAX][32];
};

/*
 * Allow more: a kind, signatures in a namespace, logins to a server. The
 * first call turns "no limit" into "only this".
 * 0, FAIL_ARGUMENT (too many, too long, empty, not UTF-8) or FAIL_MEMORY.
 */
void limits_allow_kind(struct limits *l, enum limit_kind kind);
int limits_allow_namespace(struct limits *l, struct slice name) MUST_CHECK;
int limits_allow_server(
    struct limits *l, const uint8_t fingerprint[32]) MUST_CHECK;

/* Appends the encoding. 0, FAIL_MEMORY or FAIL_INTERNAL. */
int limits_encode(const struct limits *l, struct bytes *out) MUST_CHECK;

/*
 * Takes limits off the front of *in. 0, FAIL_HANDLE or FAIL_MEMORY; ends with
 * limits_reset, on failure too.
 */
int limits_decode(struct slice *in, struct limits *ret) MUST_CHECK;

/* A copy, or no limits where `l` is NULL. 0 or FAIL_MEMORY. */
int limits_copy(const struct limits *l, struct limits *ret) MUST_CHECK;

void limits_reset(struct limits *l);

#endif
