/* SPDX-License-Identifier: ISC */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/utf8.h"

static struct json_object *
check(struct json_object *o)
{
	if (o == NULL) {
		fprintf(stderr, "sk-tpm: out of memory\n");
		exit(1);
	}
	return o;
}

struct json_object *
answer_new(void)
{
	return check(json_object_new_object());
}

struct json_object *
answer_new_list(void)
{
	return check(json_object_new_array());
}

void
answer_object(
    struct json_object *o, const char *name, struct json_object *value)
{
	json_object_object_add(o, name, check(value));
}

/* JSON has to be UTF-8. All but printable ASCII is escaped, as elsewhere. */
static void
add_bytes(struct json_object *o, const char *name, struct slice value)
{
	struct text escaped = { 0 };

	text_add_escaped(&escaped, value, 256);
	answer_object(o, name, json_object_new_string(escaped.s));
}

void
answer_text(struct json_object *o, const char *name, const char *value)
{
	add_bytes(o, name, slice_of_text(value));
}

void
answer_path(struct json_object *o, const char *name, const char *path)
{
	for (const char *p = path; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f) {
			answer_text(o, name, path);
			return;
		}
	if (utf8_is_valid(slice_of_text(path)))
		answer_object(o, name, json_object_new_string(path));
	else
		answer_text(o, name, path);
}

void
answer_number(struct json_object *o, const char *name, int64_t value)
{
	answer_object(o, name, json_object_new_int64(value));
}

void
answer_real(struct json_object *o, const char *name, double value)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%.1f", value);
	answer_object(o, name, json_object_new_double_s(value, digits));
}

void
answer_bool(struct json_object *o, const char *name, bool value)
{
	answer_object(o, name, json_object_new_boolean(value));
}

const char *
answer_member(struct json_object *o, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(o, name, &value))
		return "";
	return json_object_get_string(value);
}

/* --- a key ------------------------------------------------------------- */

static struct json_object *
limits_answer(const struct limits *l)
{
	struct json_object *list = answer_new_list();
	struct text t;

	for (size_t i = 0; i < LIMIT_KINDS; i++) {
		bool sign = limit_names[i].kind == LIMIT_SIGN;
		bool login = limit_names[i].kind == LIMIT_LOGIN;

		if ((l->kinds & limit_names[i].kind) == 0)
			continue;
		t = (struct text){ 0 };
		text_add(&t, "%s", limit_names[i].name);
		for (size_t j = 0; sign && j < l->n_namespaces; j++) {
			text_add(&t, "%s", j == 0 ? " for " : ", ");
			text_add_quoted(&t, bytes_slice(&l->namespaces[j]), 64);
		}
		for (size_t j = 0; login && j < l->n_servers; j++) {
			text_add(&t, "%s", j == 0 ? " to " : ", ");
			text_add_fingerprint(&t, l->servers[j]);
		}
		json_object_array_add(list, check(json_object_new_string(t.s)));
	}
	return list;
}

void
answer_boot_state(struct json_object *o, uint32_t pcrs)
{
	struct text t = { 0 };

	if (pcrs == 0)
		return;
	pcr_add_words(&t, pcrs);
	answer_object(o, "boot_state", json_object_new_string(t.s));
}

void
answer_pin_lifetime(struct json_object *o, uint32_t seconds)
{
	struct text t = { 0 };

	if (seconds == 0)
		return;
	duration_add(&t, seconds);
	answer_text(o, "pin_lifetime", t.s);
}

int
answer_key(struct json_object *o, const struct keyref *ref)
{
	const struct keyfile *key = &ref->key;
	const struct handle *h = &ref->handle;
	struct text t = { 0 };
	uint8_t digest[32];
	int r;

	if ((r = keyfile_fingerprint(key, digest)) != 0)
		return r;
	text_add_fingerprint(&t, digest);
	answer_text(o, "fingerprint", t.s);
	answer_text(o, "application", key->application);
	if (ref->resident)
		add_bytes(o, "user", bytes_slice(&ref->user));
	else
		answer_text(o, "comment", key->comment);
	answer_bool(
	    o, "presence", h->presence || (key->flags & KEYFILE_PRESENCE) != 0);
	answer_bool(o, "pin", h->auth != HANDLE_AUTH_NONE);
	answer_pin_lifetime(o, h->pin_lifetime);
	answer_object(o, "limits", limits_answer(&h->limits));
	answer_boot_state(o, h->pcrs);
	t = (struct text){ 0 };
	if (h->parent >= HANDLE_PARENT_PERSISTENT_FIRST)
		text_add(&t, "persistent key 0x%08x", h->parent);
	else
		text_add(&t, "storage root key, template %u", h->parent);
	answer_text(o, "parent", t.s);
	if (!ref->resident)
		return 0;
	t = (struct text){ 0 };
	text_add(&t, "0x%08x", ref->index);
	answer_text(o, "index", t.s);
	answer_number(o, "nv_bytes", (int64_t)ref->size);
	return 0;
}

void
answer_copy(struct json_object *o, uint32_t handle)
{
	struct text t = { 0 };

	text_add(&t, "0x%08x", handle);
	answer_text(o, "persistent", t.s);
}

/* --- printing ---------------------------------------------------------- */

/* The labels that are more than the name with a capital letter. */
static const struct {
	const char *name, *label;
} labels[] = {
	{ "authorized_keys", "Authorized keys" },
	{ "boot_state", "Boot state" },
	{ "boot_state_holds", "Boot state holds" },
	{ "ca", "CA" },
	{ "ca_keys", "CA keys" },
	{ "key_id", "Key ID" },
	{ "krl", "KRL" },
	{ "nv_bytes", "NV bytes" },
	{ "persistent_there", "Persistent there" },
	{ "pin", "PIN" },
	{ "pin_counts_until", "PIN counts until" },
	{ "pin_lifetime", "PIN lifetime" },
	{ "public_key", "Public key" },
	{ "signature_verified", "Signature verified" },
	{ "total_ms", "Total ms" },
	{ "tpm_commands", "TPM commands" },
	{ "tpm_ms", "TPM ms" },
	{ "valid_to", "Valid to" },
	{ "why_not", "Why not" },
	{ "works_here", "Works here" },
};

/* Borrowed from the table, or from `name`. */
static const char *
label_of(const char *name)
{
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (strcmp(labels[i].name, name) == 0)
			return labels[i].label;
	return name;
}

static void
print_value(struct json_object *value)
{
	size_t n;

	switch (json_object_get_type(value)) {
	case json_type_boolean:
		fputs(json_object_get_boolean(value) ? "yes" : "no", stdout);
		break;
	case json_type_array:
		n = json_object_array_length(value);
		for (size_t i = 0; i < n; i++)
			printf("%s%s", i == 0 ? "" : "; ",
			    json_object_get_string(
				json_object_array_get_idx(value, i)));
		if (n == 0)
			fputs("none", stdout);
		break;
	default:
		fputs(json_object_get_string(value), stdout);
	}
	putchar('\n');
}

static void
print_for_a_person(struct json_object *o)
{
	size_t width = 0;

	json_object_object_foreach(o, each, unused)
	{
		(void)unused;
		if (strlen(each) > width)
			width = strlen(each);
	}
	json_object_object_foreach(o, name, value)
	{
		const char *label = label_of(name);

		if (label == name)
			printf(
			    "%c%s", toupper((unsigned char)name[0]), name + 1);
		else
			fputs(label, stdout);
		printf(":%*s", (int)(width - strlen(label) + 2), "");
		print_value(value);
	}
}

static bool answered_in_json;

void
answer_print(struct json_object *o, enum answer_form form)
{
	if (form == ANSWER_JSON) {
		answered_in_json = true;
		puts(json_object_to_json_string_ext(o,
		    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	} else {
		print_for_a_person(o);
	}
	json_object_put(o);
}

void
answer_add_failure(struct json_object *o, int err)
{
	const char *remedy = error_remedy(err);

	answer_path(o, "error", log_cause());
	if (remedy != NULL)
		answer_text(o, "remedy", remedy);
}

void
answer_failure(int err)
{
	struct json_object *o;

	if (answered_in_json)
		return;
	o = answer_new();
	answer_add_failure(o, err);
	answer_print(o, ANSWER_JSON);
}
