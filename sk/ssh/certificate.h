/* SPDX-License-Identifier: ISC */
/*
 * Whether a certificate that a CA has sent is the one that was asked for. The
 * CA's signature is not verified here: ssh-keygen -L does that.
 */
#ifndef SKTPM_CERTIFICATE_H
#define SKTPM_CERTIFICATE_H

#include "ssh/sshkey.h"

struct certificate_wanted {
	struct slice key; /* the blob of the plain key */
	enum certificate_type type;
	uint64_t now; /* seconds since 1970; it has to be in force */
	const struct slice *names;
	size_t n_names; /* it may have these names alone; 0: any */
};

/*
 * It has to have names: one without is for every user or host. Names and key id
 * have to be text of one line, and names no comma. *ret borrows from `blob`.
 * 0; FAIL_CERTIFICATE with what is wrong; FAIL_INTERNAL.
 */
int certificate_check(struct slice blob,
    const struct certificate_wanted *wanted,
    struct certificate *ret) MUST_CHECK;

#endif
