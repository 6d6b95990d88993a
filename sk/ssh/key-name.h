/* SPDX-License-Identifier: ISC */
/*
 * A name for a key. OpenSSH tells a provider neither the key's file nor its
 * comment, but the public half may be in ~/.ssh.
 */
#ifndef SKTPM_KEY_NAME_H
#define SKTPM_KEY_NAME_H

#include "base/p256.h"
#include "base/text.h"

/* Appends the fingerprint as ssh-add -l prints it; nothing without memory. */
void key_name_add_fingerprint(
    struct text *t, const struct ec_point *point, const char *application);

/*
 * Appends `before` and the name, in quotes, of the file in ~/.ssh whose .pub
 * has the key; of several, the first in order. False, and nothing, where there
 * is none.
 */
bool key_name_add_file(struct text *t, const char *before,
    const struct ec_point *point, const char *application);

/* Appends the file's name, or without one the fingerprint. */
void key_name_add(
    struct text *t, const struct ec_point *point, const char *application);

#endif
