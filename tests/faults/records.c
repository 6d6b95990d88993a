/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "key/resident.h"
#include "operations.h"
#include "records.h"
#include "sk-api.h"
#include "tpm/tpm.h"

static bool
has_user(const struct record *rec, const char *user)
{
	return rec->user.len == strlen(user) &&
	    memcmp(rec->user.data, user, rec->user.len) == 0;
}

/* The one record of `user`; NULL where there is none or another one too. */
static const struct record *
find_record(const struct resident_keys *keys, const char *user, size_t *ret_n)
{
	const struct record *found = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < keys->n; i++) {
		if (!has_user(&keys->keys[i].record, user))
			continue;
		found = &keys->keys[i].record;
		(*ret_n)++;
	}
	return *ret_n == 1 ? found : NULL;
}

static bool
is_record_of(const struct record *rec, const uint8_t *handle, size_t len)
{
	return rec != NULL &&
	    slice_equal(
		bytes_slice(&rec->key_handle), (struct slice){ handle, len });
}

static int
list_records(struct resident_keys *ret)
{
	struct tpm *tpm = NULL;
	int r;

	if ((r = tpm_open(tcti, &tpm)) == 0)
		r = resident_list(tpm, ret);
	tpm_close(tpm);
	return r;
}

/* Success, of which nothing told it that was not so. */
static bool
succeeded(const struct outcome *out)
{
	return out->result == 0 && !out->lied_to;
}

/* What every list has to hold: nothing damaged, and the other key. */
static bool
others_are_there(const struct resident_keys *keys, const struct key *other)
{
	const char *user = other == &plain ? "plain" : "pin";
	size_t n;

	for (size_t i = 0; i < keys->n; i++)
		if (keys->keys[i].error != 0 &&
		    keys->keys[i].error != FAIL_UNFINISHED)
			return false;
	return is_record_of(
	    find_record(keys, user, &n), other->handle, other->len);
}

/* It is what was made, or, where nothing was, what may have been there. */
static bool
is_made_or_was(const struct outcome *out, const struct resident_keys *keys,
    const char *user, bool was_there)
{
	const struct record *rec;
	size_t n;

	rec = find_record(keys, user, &n);
	if (succeeded(out))
		return is_record_of(rec, out->handle, out->handle_len);
	return was_there ? n == 1 : n <= 1;
}

bool
new_is_kept(const struct outcome *out)
{
	struct resident_keys keys = { 0 };
	bool good;

	good = list_records(&keys) == 0 && others_are_there(&keys, &plain) &&
	    others_are_there(&keys, &with_pin) &&
	    is_made_or_was(out, &keys, "new", false);
	resident_keys_reset(&keys);
	return good;
}

bool
one_is_kept(const struct outcome *out)
{
	struct resident_keys keys = { 0 };
	bool good;

	good = list_records(&keys) == 0 && others_are_there(&keys, &with_pin) &&
	    is_made_or_was(out, &keys, "plain", true);
	resident_keys_reset(&keys);
	return good;
}

bool
one_is_removed(const struct outcome *out)
{
	struct resident_keys keys = { 0 };
	bool good;
	size_t n;

	good = list_records(&keys) == 0 && others_are_there(&keys, &with_pin);
	find_record(&keys, "plain", &n);
	good = good && (succeeded(out) ? n == 0 : n <= 1);
	resident_keys_reset(&keys);
	return good;
}

bool
pin_is_kept(const struct outcome *out)
{
	struct resident_keys keys = { 0 };
	const struct record *rec;
	bool good;
	size_t n;

	good = list_records(&keys) == 0 && others_are_there(&keys, &plain);
	rec = find_record(&keys, "pin", &n);
	good = good && rec != NULL &&
	    has_right_pin(&rec->key_handle, succeeded(out));
	resident_keys_reset(&keys);
	return good;
}

/* One that could not be read costs a line. */
bool
all_are_listed(const struct outcome *out)
{
	struct resident_keys keys = { 0 };
	bool good;

	if (!succeeded(out))
		return true;
	if (out->handle_len < 2 && strstr(out->text, "passing over") == NULL)
		return false;
	good = list_records(&keys) == 0 && keys.n == 2 &&
	    others_are_there(&keys, &plain) &&
	    others_are_there(&keys, &with_pin);
	resident_keys_reset(&keys);
	return good;
}

/* --- putting them back ------------------------------------------------- */

static int
store(struct tpm *tpm, struct key *key, const char *user)
{
	struct resident_listing l = { 0 };
	struct record rec = { 0 };
	int r;

	if ((r = bytes_set(
		 &rec.application, APPLICATION, strlen(APPLICATION))) == 0 &&
	    (r = bytes_set(&rec.user, user, strlen(user))) == 0 &&
	    (r = bytes_set(&rec.key_handle, key->handle, key->len)) == 0 &&
	    (r = resident_read(tpm, &l)) == 0)
		r = resident_store(tpm, &l, &rec, owner_auth, &key->index);
	resident_listing_reset(tpm, &l);
	record_reset(&rec);
	return r;
}

static int
remove_all(struct tpm *tpm)
{
	struct resident_keys keys = { 0 };
	int r;

	r = resident_list(tpm, &keys);
	for (size_t i = 0; i < keys.n && r == 0; i++)
		r = resident_remove(tpm, &keys.keys[i], owner_auth);
	resident_keys_reset(&keys);
	return r;
}

bool
records_restore(void)
{
	struct tpm *tpm = NULL;
	int r;

	if ((r = tpm_open(tcti, &tpm)) == 0 && (r = remove_all(tpm)) == 0 &&
	    (r = store(tpm, &plain, "plain")) == 0)
		r = store(tpm, &with_pin, "pin");
	tpm_close(tpm);
	return r == 0;
}
