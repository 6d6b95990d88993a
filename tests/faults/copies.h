/* SPDX-License-Identifier: ISC */
/* Persistent copies that operations meet, make and evict. */
#ifndef SKTPM_TEST_COPIES_H
#define SKTPM_TEST_COPIES_H

#include "operations.h"
#include "raw-tpm.h"
#include "records.h"

/* Each has a copy. */
extern struct key copied, copied_pin;

/*
 * Makes the two, by `make`, and the key file below `dir` that persist and evict
 * work on, once there is `plain`.
 */
bool copies_begin(bool (*make)(int (*how)(struct outcome *), struct key *ret),
    const char *dir);

/* The operations. */
int run_sign_copy(struct outcome *out);
int run_sign_copy_pin(struct outcome *out);
int run_enrol_copy(struct outcome *out);
int run_persist(struct outcome *out);
int run_evict(struct outcome *out);

/*
 * Whether what became of the copies, and of the key file, is what was asked
 * for, or as before.
 */
bool new_copy_is_kept(const struct outcome *out);
bool persist_is_kept(const struct outcome *out);
bool evict_is_kept(const struct outcome *out);

/* Counts in *out what is not as before. */
void copies_compare(const struct raw_state *before, const struct raw_state *now,
    struct outcome *out);

/* Evicts all but what was there before the operation. */
bool copies_evict_new(
    const struct raw_state *before, const struct raw_state *now);

/* Writes the key file anew, of `plain` and without a copy. */
bool copies_write_file(void);

#endif
