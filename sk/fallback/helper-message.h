/* SPDX-License-Identifier: ISC */
/*
 * Messages to and from OpenSSH's ssh-sk-helper, which runs a provider's call
 * in a process of its own. Version 5 of its protocol, that of OpenSSH 8.4 to
 * 10.6, in SSH's wire encoding:
 *
 *	u32 length, u8 version			before request and answer
 *	u32 type, u8 log to stderr, u32 log level	before a request's body
 *	sign:	string key, string provider, string message, string "",
 *		u32 compat (0), string PIN
 *		answer: u32 type, string signature
 *	enroll:	u32 key type, string provider, string device, string
 *		application, string user, u8 flags, string PIN, string challenge
 *		answer: u32 type, string key, string attestation
 *	refusal: u32 0, u32 negated error
 *
 * A key is encoded as in a private key file, a signature as in PROTOCOL.u2f.
 *
 * Source: ssh-sk-helper.c, ssh-sk-client.c, ssh-sk.c and ssherr.h of the
 * OpenSSH releases named.
 */
#ifndef SKTPM_HELPER_MESSAGE_H
#define SKTPM_HELPER_MESSAGE_H

#include "base/bytes.h"

/* u32 length before an answer, and the longest that is read. */
#define HELPER_LENGTH_LEN 4
#define HELPER_MAX_ANSWER (64 * 1024)

enum helper_algorithm {
	HELPER_ECDSA, /* on P-256 */
	HELPER_ED25519,
};

/* All strings are borrowed; NULL is none. */
struct helper_sign_request {
	const char *provider; /* "internal" or a path */
	bool verbose;	      /* the helper prints what it does */
	enum helper_algorithm algorithm;
	const char *application;
	struct slice key_handle;
	struct slice message;
	uint8_t flags; /* the key's, SSH_SK_* */
	const char *pin;
};

/* For an ed25519-sk key; another is not asked for. */
struct helper_enroll_request {
	const char *provider;
	bool verbose;
	const char *device;
	const char *user;
	const char *application;
	struct slice challenge;
	uint8_t flags;
	const char *pin;
};

/* ECDSA: R and S. Ed25519: the whole signature as R, and S empty. */
struct helper_signature {
	struct bytes r, s;
	uint8_t flags;
	uint32_t counter;
};

struct helper_key {
	struct bytes public_key; /* 32 bytes */
	struct bytes key_handle;
	struct bytes certificate, signature, authdata; /* attestation */
	uint8_t flags;
};

/*
 * OpenSSH's numbers for key types moved when it gave up DSA keys. A helper
 * refuses the wrong one, before it does anything, with FAIL_ARGUMENT.
 */
#define HELPER_TYPE_ED25519_SK_OLD 12 /* OpenSSH 8.4 to 10.0 */
#define HELPER_TYPE_ED25519_SK 8      /* and later */

/*
 * A whole request. *ret_request holds the PIN, which bytes_reset wipes.
 * 0 or FAIL_MEMORY.
 */
int helper_encode_sign(const struct helper_sign_request *req,
    struct bytes *ret_request) MUST_CHECK;
int helper_encode_enroll(const struct helper_enroll_request *req,
    uint32_t key_type, struct bytes *ret_request) MUST_CHECK;

/*
 * Reads an answer without the length before it. 0; what the helper refused
 * with: FAIL_NO_TOKEN, FAIL_NO_REASON, FAIL_PIN_REQUIRED, FAIL_UNSUPPORTED,
 * FAIL_EXISTS, FAIL_ARGUMENT or FAIL_FALLBACK; FAIL_FALLBACK for one that
 * cannot be read; or FAIL_MEMORY.
 */
int helper_decode_signature(struct slice answer,
    enum helper_algorithm algorithm, struct helper_signature *ret) MUST_CHECK;
int helper_decode_key(struct slice answer, struct helper_key *ret) MUST_CHECK;

void helper_signature_reset(struct helper_signature *sig);
void helper_key_reset(struct helper_key *key);

#endif
