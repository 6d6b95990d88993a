/* SPDX-License-Identifier: ISC */
/* A key as a person names it: a key file, or the NV index of a resident key. */
#ifndef SKTPM_KEYREF_H
#define SKTPM_KEYREF_H

#include "config.h"
#include "key/handle.h"
#include "key/resident.h"
#include "keyfile.h"

struct keyref {
	bool resident;
	uint32_t index; /* of a resident key */
	size_t size;	/* of its record */
	struct bytes user;
	struct keyfile key;
	struct handle handle;
};

/*
 * Finds what `name` is: "0x01..." is an index, all else a file. 0;
 * FAIL_ARGUMENT; what handle_decode and resident_list give. The caller ends
 * *ret with keyref_reset.
 */
int keyref_open(
    const struct config *cfg, const char *name, struct keyref *ret) MUST_CHECK;

/*
 * The same, where `name` may also be FILE.pub: that is FILE's key then, or
 * FAIL_ARGUMENT.
 */
int keyref_open_either(
    const struct config *cfg, const char *name, struct keyref *ret) MUST_CHECK;

/*
 * Whether the file of the public key has this one. 0; FAIL_ARGUMENT where it
 * cannot be read, or has another.
 */
int keyref_check_public(const struct keyref *ref, const char *path) MUST_CHECK;

/* The same for a resident key that was listed. */
int keyref_of_record(
    const struct resident_key *rk, struct keyref *ret) MUST_CHECK;

/* Reads "0x01..." in the range of resident keys. */
bool keyref_parse_index(const char *name, uint32_t *ret);

void keyref_reset(struct keyref *ref);

#endif
