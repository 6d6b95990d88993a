/* SPDX-License-Identifier: ISC */
/* The resident keys that operations meet, and what they may make of them. */
#ifndef SKTPM_TEST_RECORDS_H
#define SKTPM_TEST_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "operations.h"

/* A key that was made before. */
struct key {
	uint8_t handle[1024];
	size_t len;
	uint8_t point[65];
	uint32_t index; /* of its record, where it is resident */
};

/* --- what operations.c has --------------------------------------------- */

extern struct key plain, with_pin; /* of the users "plain" and "pin" */
extern char *tcti;
extern struct slice owner_auth;

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
