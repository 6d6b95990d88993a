/* SPDX-License-Identifier: ISC */
/*
 * What a command answers: built once as a JSON object, and printed as that,
 * or for a person as aligned lines. Foreign bytes are escaped in both.
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

/* Adds to a JSON object; a NULL object or value ends the program: no memory. */
void answer_text(struct json_object *o, const char *name, const char *value);
/* As it is where that is UTF-8 without control characters; else escaped. */
void answer_path(struct json_object *o, const char *name, const char *path);
void answer_number(struct json_object *o, const char *name, int64_t value);
void answer_real(struct json_object *o, const char *name, double value);
void answer_bool(struct json_object *o, const char *name, bool value);
void answer_object(
    struct json_object *o, const char *name, struct json_object *value);

struct json_object *answer_new(void);
struct json_object *answer_new_list(void);

/* A member of o as text; "" where it has none. Valid as long as o. */
const char *answer_member(struct json_object *o, const char *name);

/* Everything that a key is, as `show` and `list` have it. 0 or FAIL_. */
int answer_key(struct json_object *o, const struct keyref *ref) MUST_CHECK;

/* Adds why the command failed, with fail()'s words and the remedy of `err`. */
void answer_add_failure(struct json_object *o, int err);

/* Prints that alone as JSON, unless there was an answer in JSON already. */
void answer_failure(int err);

/* Prints and frees o. */
void answer_print(struct json_object *o, enum answer_form form);

#endif
