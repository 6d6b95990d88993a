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
 * Takes `name` for what it is: "0x01..." is an index, which keyref_fetch is to
 * read; all else is a file, which is read here. 0, FAIL_ARGUMENT, or what
 * handle_decode gives. The caller ends *ret with keyref_reset.
 */
int keyref_by_name(const char *name, struct keyref *ret) MUST_CHECK;

/*
 * The same, where `name` may also be FILE.pub: that is FILE's key then, or
 * FAIL_ARGUMENT.
 */
int keyref_by_either_name(const char *name, struct keyref *ret) MUST_CHECK;

/*
 * Reads the key of an index from the TPM, unless that was done. Does nothing
 * for a file. 0, or what resident_find and handle_decode give.
 */
int keyref_fetch(struct tpm *tpm, struct keyref *ref) MUST_CHECK;

/* False as long as keyref_fetch is to read it. */
bool keyref_is_read(const struct keyref *ref);

/*
 * keyref_by_either_name, keyref_fetch and key_try_load, in one connection.
 * *ret_loads is what key_try_load gave, or what kept us off the TPM. 0 if the
 * key was found, whether it loads or not.
 */
int keyref_load(const struct config *cfg, const char *name, struct keyref *ret,
    int *ret_loads) MUST_CHECK;

/*
 * Whether the file of the public key has this one. 0; FAIL_ARGUMENT where it
 * cannot be read, or has another.
 */
int keyref_check_public(const struct keyref *ref, const char *path) MUST_CHECK;

/* A resident key that was listed. The caller ends *ret with keyref_reset. */
int keyref_of_record(
    const struct resident_key *rk, struct keyref *ret) MUST_CHECK;

/* Reads "0x01..." in the range of resident keys. */
bool keyref_parse_index(const char *name, uint32_t *ret);

void keyref_reset(struct keyref *ref);

#endif
