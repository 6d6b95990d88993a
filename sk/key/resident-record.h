/* SPDX-License-Identifier: ISC */
/*
 * The record of a resident key: what the TPM keeps in NV to give the key back
 * without its key file. One CBOR map in core deterministic encoding:
 *
 *	0: "sk-tpm-rk"	magic, text
 *	1: uint		version, 1
 *	2: uint		generation: where one record of a key replaces another,
 *			the higher one counts
 *	3: text		application
 *	4: bytes	user id, as -O user= gave it; may be empty
 *	5: bytes	key handle, see handle.h
 *
 * Whether the key needs a person or a PIN stands in the handle, where it is
 * bound to the key.
 */
#ifndef SKTPM_RESIDENT_RECORD_H
#define SKTPM_RESIDENT_RECORD_H

#include "base/bytes.h"

/* No TPM is known to have larger NV indices; many have smaller ones. */
#define RECORD_MAX_LEN 2048
#define RECORD_MAX_USER 64

struct record {
	uint64_t generation;
	struct bytes application; /* UTF-8, not terminated */
	struct bytes user;
	struct bytes key_handle;
};

/*
 * The encoding in *ret. 0; FAIL_ARGUMENT where it would be longer than
 * RECORD_MAX_LEN, which names what to shorten; FAIL_MEMORY, FAIL_INTERNAL.
 */
int record_encode(const struct record *rec, struct bytes *ret) MUST_CHECK;

/*
 * Reads a record; anything but the one encoding is refused. 0, FAIL_VERSION,
 * FAIL_HANDLE, FAIL_NAME or FAIL_MEMORY. The caller ends *ret with
 * record_reset.
 */
int record_decode(struct slice in, struct record *ret) MUST_CHECK;

/*
 * Whether ssh-keygen -K can make a file's name of application and user and
 * print them: UTF-8 without control characters and slashes (but for the
 * beginning ssh://, which it takes off), and not too long. 0, or FAIL_NAME.
 */
int record_check_names(const struct record *rec) MUST_CHECK;

/* Whether both are of one application and user, and so of one key. */
bool record_same_key(const struct record *a, const struct record *b);

void record_reset(struct record *rec);

#endif
