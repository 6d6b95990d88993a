/* SPDX-License-Identifier: ISC */
/* A TPM seen without any code of sk/: raw commands, one connection each. */
#ifndef SKTPM_TEST_RAW_TPM_H
#define SKTPM_TEST_RAW_TPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_MAX_HANDLES 64

struct raw_state {
	uint32_t loaded[RAW_MAX_HANDLES]; /* objects and sessions */
	size_t n_loaded;
	uint32_t indices[RAW_MAX_HANDLES]; /* of resident keys, all */
	size_t n_indices;
	uint32_t
	    copies[RAW_MAX_HANDLES]; /* where persistent ones of ours are */
	size_t n_copies;
	uint32_t tries; /* wrong ones that it remembers */
};

bool raw_look(const char *tcti, struct raw_state *ret);

/* Flushes all that `state` says is loaded. */
bool raw_flush(const char *tcti, const struct raw_state *state);

/* Evicts a persistent object, by the owner's password; NULL is none. */
bool raw_evict(const char *tcti, uint32_t handle, const char *password);

/* Changes the owner's password; NULL is none. */
bool raw_own(const char *tcti, const char *old, const char *new);

/* Forgets the wrong tries, by the lockout hierarchy's empty password. */
bool raw_forget_tries(const char *tcti);

#endif
