/* SPDX-License-Identifier: ISC */
/*
 * Public keys and certificates as OpenSSH encodes them (RFC 4253, section
 * 6.6; PROTOCOL.certkeys and PROTOCOL.u2f of OpenSSH), read far enough to
 * name them.
 */
#ifndef SKTPM_SSHKEY_H
#define SKTPM_SSHKEY_H

#include "bytes.h"

struct certificate {
	uint64_t serial;
	uint32_t type;		 /* enum certificate_type */
	struct slice key_id;	 /* any bytes */
	struct slice principals; /* a sequence of strings; empty: any */
	uint64_t valid_after, valid_before; /* seconds since 1970 */
};

enum certificate_type {
	CERTIFICATE_USER = 1,
	CERTIFICATE_HOST = 2,
};

/* UINT64_MAX in valid_before: without end. */
#define CERTIFICATE_FOREVER UINT64_MAX

/*
 * Reads what a CA signs: a certificate up to and with the CA's own key,
 * nothing behind it. False for anything else. Slices borrow from `tbs`.
 */
bool certificate_parse(struct slice tbs, struct certificate *ret) MUST_CHECK;

/*
 * SHA-256 of a public key blob, as in "SHA256:..."; of a certificate, that of
 * the plain key in it. False where the blob is neither.
 */
bool sshkey_fingerprint(struct slice blob, uint8_t ret[32]) MUST_CHECK;

#endif
