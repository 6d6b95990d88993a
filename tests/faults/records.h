/* SPDX-License-Identifier: ISC */
/* The resident keys that operations meet, and what they may make of them. */
#ifndef SKTPM_TEST_RECORDS_H
#define SKTPM_TEST_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "config.h"
#include "operations.h"

/* A key that was made before. */
struct key {
	uint8_t handle[1024];
	size_t len;
	uint8_t point[65];
	uint32_t index; /* of its record, where it is resident */
};

/* --- what operations.c has --------------------------------------------- */

extern struct config cfg;	   /* without what goes wrong */
extern struct key plain, with_pin; /* of the users "plain" and "pin" */
extern char *tcti;
extern struct slice owner_auth;

/* Signs with that key, and its PIN if that is not NULL. */
int sign_key(struct outcome *out, const struct key *key, const char *pin);

/* Whether the key handle signs by itself, with no mishap. */
bool signs(const uint8_t *handle, size_t len, const uint8_t point[65],
    const char *pin);

/* Makes a key, by sk_enroll; `user` may be NULL. */
int enroll(struct outcome *out, uint8_t flags, const char *pin, char *user);

/* sk-tpm NAME ARG. */
int run_command(const char *name, const char *arg);

/* Whether the key handle signs with the PIN that it should have now. */
bool has_right_pin(const struct bytes *handle, bool changed);

/* --- what may be there after one of them ------------------------------- */

bool new_is_kept(const struct outcome *out);
bool one_is_kept(const struct outcome *out);
bool one_is_removed(const struct outcome *out);
bool pin_is_kept(const struct outcome *out);
bool all_are_listed(const struct outcome *out);

/* Has the two be there, alone. */
bool records_restore(void);

#endif
