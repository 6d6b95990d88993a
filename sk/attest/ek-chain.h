/* SPDX-License-Identifier: ISC */
/*
 * Whether an endorsement certificate was issued by a TPM's maker: its chain, by
 * OpenSSL, to roots that an administrator chose. Nothing is fetched, and
 * whether a certificate was revoked is not asked.
 */
#ifndef SKTPM_EK_CHAIN_H
#define SKTPM_EK_CHAIN_H

#include "base/bytes.h"

struct ek_roots;

/* What the certificates of TPMs have that such a root stands for. */
enum ek_marking {
	EK_MARKED,   /* extended key usage 2.23.133.8.1, "EK certificate" */
	EK_UNMARKED, /* the same, or no extended key usage at all */
};

/* None at first. The caller ends it with ek_roots_free. 0 or FAIL_MEMORY. */
int ek_roots_new(struct ek_roots **ret) MUST_CHECK;

/*
 * Adds all certificates of a PEM file. Self-signed ones are roots, others are
 * issuers that a chain may lack. 0; FAIL_EK_CERTIFICATE where there is no
 * certificate, or a damaged one; FAIL_MEMORY. What was read is kept.
 */
int ek_roots_add(struct ek_roots *roots, struct slice pem,
    enum ek_marking marking) MUST_CHECK;

/*
 * The roots of EndorsementRoots: a file with certificates in PEM, or a
 * directory of such files; NULL: none. Files whose names begin with a dot are
 * left out. The caller ends *ret with ek_roots_free, on failure too.
 * FAIL_UNAVAILABLE where a file cannot be read; else as ek_roots_add.
 */
int ek_roots_read(const char *path, struct ek_roots **ret) MUST_CHECK;

/* How many roots there are. */
size_t ek_roots_count(const struct ek_roots *roots);

void ek_roots_free(struct ek_roots *roots);

/*
 * Checks the first of the certificates, which are in DER, to the last byte; the
 * others may be its issuers. `now` is in seconds since 1970. It has to be valid
 * now, and its issuers when it began to be: makers' CAs do expire before their
 * TPMs. 0; FAIL_EK_CERTIFICATE; FAIL_MEMORY or FAIL_INTERNAL.
 */
int ek_chain_verify(const struct ek_roots *roots, const struct slice *certs,
    size_t n, int64_t now) MUST_CHECK;

#endif
