/* SPDX-License-Identifier: ISC */
/* A certificate, signed by ssh-keygen. */
#ifndef SKTPM_CA_ISSUE_H
#define SKTPM_CA_ISSUE_H

#include "ca/settings.h"

struct certificate_order {
	enum certificate_type type;
	struct slice blob; /* the SSH public key */
	uint64_t serial;   /* of 63 bits, not 0 */
	const char *key_id;
	const struct texts *principals; /* expanded */
	int64_t valid_from, valid_to;	/* seconds since 1970 */
	const struct profile *profile;	/* its extensions and options */
	bool no_touch_required;		/* the key signs without a person */
};

/*
 * Has ssh-keygen sign it, with the CA's key of that type, and checks what came
 * back against the order. 0; FAIL_UNAVAILABLE where the CA key, its agent or
 * its token is missing, with ssh-keygen's own words in the log; FAIL_ARGUMENT
 * for texts that ssh-keygen would take for something else; FAIL_MEMORY.
 */
int certificate_issue(const struct settings *settings,
    const struct certificate_order *order, struct bytes *ret) MUST_CHECK;

/* The public half of the CA's key of that type. 0 or FAIL_UNAVAILABLE. */
int ca_public_key(const struct settings *settings, enum certificate_type type,
    struct bytes *ret_blob) MUST_CHECK;

/*
 * That of the key which is to take its place (sk-tpm-ca rotate); empty where
 * there is none. 0 or FAIL_UNAVAILABLE.
 */
int ca_next_key(const struct settings *settings, enum certificate_type type,
    struct bytes *ret_blob) MUST_CHECK;

#endif
