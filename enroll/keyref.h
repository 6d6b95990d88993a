/* SPDX-License-Identifier: ISC */
/* A key as a person names it: a key file, or the NV index of a resident key. */
#ifndef SKTPM_KEYREF_H
#define SKTPM_KEYREF_H

#include "config.h"
#include "key/copy.h"
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
	enum copy_state copy; /* once keyref_load has looked */
};

/*
 * Finds a key by its name. "0x01..." is an index, which keyref_fetch reads
 * later. Anything else is a file, which is read here. 0, FAIL_ARGUMENT, or what
 * handle_decode returns. The caller ends *ret with keyref_reset.
 */
int keyref_by_name(const char *name, struct keyref *ret) MUST_CHECK;

/*
 * The same, but `name` may also be FILE.pub. FAIL_ARGUMENT if FILE is missing
 * or is another key.
 */
int keyref_by_either_name(const char *name, struct keyref *ret) MUST_CHECK;

/*
 * Reads the key of an index from the TPM, unless that was done. Does nothing
 * for a file. 0, or what resident_find and handle_decode return.
 */
int keyref_fetch(struct tpm *tpm, struct keyref *ref) MUST_CHECK;

/* False until keyref_fetch has read the key of an index. */
bool keyref_is_read(const struct keyref *ref);

/*
 * keyref_by_either_name, keyref_fetch, copy_look, key_try_load and
 * boot_state_check, in one connection. *ret_loads is what the last two
 * returned, or why the TPM could not be used. 0 if the key was found, whether
 * it loads or not.
 */
int keyref_load(const struct config *cfg, const char *name, struct keyref *ret,
    int *ret_loads) MUST_CHECK;

/*
 * Checks that a file has the public key of `ref`. 0; FAIL_ARGUMENT if it cannot
 * be read or has another key.
 */
int keyref_check_public(const struct keyref *ref, const char *path) MUST_CHECK;

/* 0; FAIL_ARGUMENT for a resident key, named by its index. */
int keyref_check_is_file(const struct keyref *ref) MUST_CHECK;

/*
 * Writes the file `name` of the key anew with this key handle, whole or not at
 * all, and moves it into *ref; the file itself, if `name` is a link to it. 0;
 * FAIL_ARGUMENT also if somebody changed it since it was read; FAIL_MEMORY.
 */
int keyref_replace(
    const char *name, struct keyref *ref, struct bytes *key_handle) MUST_CHECK;

/* A resident key that was listed. The caller ends *ret with keyref_reset. */
int keyref_of_record(
    const struct resident_key *rk, struct keyref *ret) MUST_CHECK;

/* Reads "0x01..." in the range of resident keys. */
bool keyref_parse_index(const char *name, uint32_t *ret);

void keyref_reset(struct keyref *ref);

#endif
