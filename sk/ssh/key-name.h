/* SPDX-License-Identifier: ISC */
/*
 * What a person calls a key. OpenSSH tells a provider neither the key's file
 * nor its comment; but whose public half is in ~/.ssh can be told from the key.
 */
#ifndef SKTPM_KEY_NAME_H
#define SKTPM_KEY_NAME_H

#include "base/p256.h"
#include "base/text.h"

/*
 * Appends the name, in quotes, of the file in ~/.ssh whose .pub has the key,
 * the first by name; where there is none, the fingerprint as ssh-add -l has it.
 */
void key_name_add(
    struct text *t, const struct ec_point *point, const char *application);

#endif
