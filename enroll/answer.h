/* SPDX-License-Identifier: ISC */
/*
 * A command's answer. It is built as a JSON object, and printed as JSON or as
 * aligned lines. Foreign bytes are escaped in both.
 */
#ifndef SKTPM_ANSWER_H
#define SKTPM_ANSWER_H

#include <json-c/json.h>

#include "key/limits.h"
#include "keyref.h"

enum answer_form {
	ANSWER_LINES, /* "Name:  value", with aligned values */
	ANSWER_JSON,
};

/* Adds a member to a JSON object. Out of memory ends the program. */
void answer_text(struct json_object *o, const char *name, const char *value);
/* Keeps UTF-8 without control characters as it is; escapes anything else. */
void answer_path(struct json_object *o, const char *name, const char *path);
void answer_number(struct json_object *o, const char *name, int64_t value);
void answer_real(struct json_object *o, const char *name, double value);
void answer_bool(struct json_object *o, const char *name, bool value);
void answer_object(
    struct json_object *o, const char *name, struct json_object *value);

struct json_object *answer_new(void);
struct json_object *answer_new_list(void);

/* A member of o as text, or "" if there is none. Valid as long as o. */
const char *answer_member(struct json_object *o, const char *name);

/* Adds how long a key's PIN lasts, if it does. */
void answer_pin_lifetime(struct json_object *o, uint32_t seconds);

/* Adds the PCRs that a key depends on, in words, if any. */
void answer_boot_state(struct json_object *o, uint32_t pcrs);

/* Adds what `show` and `list` tell about a key. 0 or FAIL_. */
int answer_key(struct json_object *o, const struct keyref *ref) MUST_CHECK;

/* Adds the handle of the key's persistent copy. */
void answer_copy(struct json_object *o, uint32_t handle);

/* Adds why the command failed, with fail()'s words and the remedy of `err`. */
void answer_add_failure(struct json_object *o, int err);

/* Prints only that, as JSON, unless an answer was printed as JSON before. */
void answer_failure(int err);

/* Prints and frees o. */
void answer_print(struct json_object *o, enum answer_form form);

#endif
