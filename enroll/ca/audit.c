/* SPDX-License-Identifier: ISC */
#include <json-c/json.h>
#include <string.h>
#include <syslog.h>

#include "base/error.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/text.h"
#include "ca/audit.h"

/* --- a row ------------------------------------------------------------- */

/* Foreign texts are escaped, as JSON has to be UTF-8, and a log one line. */
static bool
add_text(struct json_object *o, const char *name, const char *value)
{
	struct text escaped = { 0 };
	struct json_object *text;

	if (value == NULL || value[0] == '\0')
		return true;
	text_add_escaped(&escaped, slice_of_text(value), 1000);
	text = json_object_new_string(escaped.s);
	return text != NULL && json_object_object_add(o, name, text) == 0;
}

/* JSON's numbers do not carry 63 bits everywhere. */
static bool
add_serial(struct json_object *o, uint64_t serial)
{
	char digits[24];

	if (serial == 0)
		return true;
	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)serial);
	return add_text(o, "serial", digits);
}

static int
write_row(const struct audit_event *e, struct bytes *ret)
{
	struct json_object *o = json_object_new_object();
	const char *text;
	int r = FAIL_MEMORY;

	if (o != NULL && add_text(o, "what", e->what) &&
	    add_text(o, "by", e->by) && add_text(o, "machine", e->machine) &&
	    add_text(o, "id", e->id) && add_text(o, "type", e->type) &&
	    add_text(o, "key", e->fingerprint) &&
	    add_text(o, "login", e->login) &&
	    add_text(o, "person", e->person) &&
	    add_text(o, "from", e->address) && add_serial(o, e->serial) &&
	    add_text(o, "code", e->code) && add_text(o, "text", e->text) &&
	    (text = json_object_to_json_string_ext(
		 o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)) !=
		NULL)
		r = bytes_set(ret, text, strlen(text));
	json_object_put(o);
	return r == FAIL_MEMORY ? fail(r, "out of memory") : r;
}

static void
put_u64(uint8_t *out, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> (56 - 8 * i));
}

int
audit_hash(const uint8_t before[SHA256_LEN], const struct store_audit *row,
    uint8_t ret[SHA256_LEN])
{
	struct bytes all = { 0 };
	uint8_t numbers[16];
	int r;

	put_u64(numbers, (uint64_t)row->number);
	put_u64(numbers + 8, (uint64_t)row->time);
	if ((r = bytes_append(&all, before, SHA256_LEN)) == 0 &&
	    (r = bytes_append(&all, numbers, sizeof(numbers))) == 0 &&
	    (r = bytes_append(&all, row->row.data, row->row.len)) == 0)
		r = sha256(bytes_slice(&all), ret);
	bytes_reset(&all);
	return r;
}

int
audit_add(struct store *store, const struct audit_event *event, int64_t now,
    struct store_audit *ret)
{
	struct store_audit last;
	int r;

	*ret = (struct store_audit){ .time = now };
	if ((r = store_audit_last(store, &last)) != 0)
		return r;
	ret->number = last.number + 1;
	if ((r = write_row(event, &ret->row)) == 0 &&
	    (r = audit_hash(last.hash, ret, ret->hash)) == 0)
		r = store_audit_add(store, ret);
	store_audit_reset(&last);
	return r;
}

/* --- to syslog --------------------------------------------------------- */

static void
add_hex(struct text *t, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text_add(t, "%02x", data[i]);
}

void
audit_mirror(const struct store_audit *row)
{
	struct text line = { 0 };

	text_add(&line, "audit %lld ", (long long)row->number);
	add_hex(&line, row->hash, sizeof(row->hash));
	text_add(
	    &line, " %.*s", (int)row->row.len, (const char *)row->row.data);
	log_to_syslog(LOG_NOTICE, line.s);
}

int
audit_alone(struct store *store, const struct audit_event *event, int64_t now)
{
	struct store_audit row = { 0 };
	int r;

	if ((r = store_begin(store)) != 0)
		return r;
	if ((r = audit_add(store, event, now, &row)) != 0)
		store_rollback(store);
	else if ((r = store_commit(store)) == 0)
		audit_mirror(&row);
	store_audit_reset(&row);
	return r;
}
