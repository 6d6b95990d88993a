/* SPDX-License-Identifier: ISC */
/*
 * Public keys and certificates as OpenSSH encodes them (RFC 4253, section 6.6;
 * PROTOCOL.certkeys and PROTOCOL.u2f of OpenSSH), read far enough to describe
 * them. Types that we do not know are read as well.
 */
#ifndef SKTPM_SSHKEY_H
#define SKTPM_SSHKEY_H

#include "base/bytes.h"
#include "base/p256.h"

#define SSHKEY_OUR_TYPE "sk-ecdsa-sha2-nistp256@openssh.com"

struct certificate {
	struct slice type_name; /* as "ssh-ed25519-cert-v01@openssh.com" */
	bool known;		/* the type is in our table */
	/*
	 * A blob of the certified key without its certificate: its type's name,
	 * which may come in two parts, and the fields as they are encoded.
	 */
	struct slice plain_name[2], fields;
	uint64_t serial;
	uint32_t type;			    /* enum certificate_type */
	struct slice key_id;		    /* any bytes */
	struct slice principals;	    /* a sequence of strings */
	uint64_t valid_after, valid_before; /* seconds since 1970 */
	/* Sequences of pairs of strings, a name and its data. */
	struct slice critical, extensions;
	struct slice ca; /* a blob of the CA's key */
};

enum certificate_type {
	CERTIFICATE_USER = 1,
	CERTIFICATE_HOST = 2,
};

/* "user" or "host". */
const char *certificate_type_word(enum certificate_type type);
bool certificate_type_parse(
    const char *word, enum certificate_type *ret) MUST_CHECK;

/* UINT64_MAX in valid_before: without end. */
#define CERTIFICATE_FOREVER UINT64_MAX

/*
 * Reads what a CA signs whose key is one of ours: a certificate up to the CA's
 * own key, which is of type sk-ecdsa and ends it. False for anything else, and
 * for a certificate of an unknown type that can be read in more than one way.
 * Slices borrow from `tbs`.
 */
bool certificate_parse(struct slice tbs, struct certificate *ret) MUST_CHECK;

/* The same of a whole certificate, by any CA, with its signature. */
bool certificate_parse_signed(
    struct slice blob, struct certificate *ret) MUST_CHECK;

/* The type that it begins with, if that is a certificate's; else empty. */
struct slice certificate_type_name(struct slice in);

/* SHA-256 of the certified key's plain blob. False without memory. */
bool certificate_fingerprint(
    const struct certificate *c, uint8_t ret[32]) MUST_CHECK;

/*
 * SHA-256 of a public key blob, as in "SHA256:..."; of a certificate, that of
 * the plain key in it. False where the blob is neither.
 */
bool sshkey_fingerprint(struct slice blob, uint8_t ret[32]) MUST_CHECK;

/*
 * Appends the blob of a public key of ours: type, curve, point and
 * application. 0 or FAIL_MEMORY.
 */
int sshkey_put_ours(struct bytes *out, const struct ec_point *point,
    const char *application) MUST_CHECK;

#endif
