/* SPDX-License-Identifier: ISC */
#include <limits.h>
#include <string.h>

#include "base/cbor.h"
#include "base/error.h"
#include "base/log.h"
#include "base/utf8.h"
#include "key/resident-record.h"

#define VERSION 1

static const struct slice magic = { (const uint8_t *)"sk-tpm-rk", 9 };

enum {
	ENTRY_MAGIC,
	ENTRY_VERSION,
	ENTRY_GENERATION,
	ENTRY_APPLICATION,
	ENTRY_USER,
	ENTRY_HANDLE,
	N_ENTRIES,
};

int
record_encode(const struct record *rec, struct bytes *ret)
{
	struct bytes out = { 0 };
	int r;

	if ((r = cbor_put_map(&out, N_ENTRIES)) != 0 ||
	    (r = cbor_put_entry_text(&out, ENTRY_MAGIC, magic)) != 0 ||
	    (r = cbor_put_entry_uint(&out, ENTRY_VERSION, VERSION)) != 0 ||
	    (r = cbor_put_entry_uint(
		 &out, ENTRY_GENERATION, rec->generation)) != 0 ||
	    (r = cbor_put_entry_text(&out, ENTRY_APPLICATION,
		 bytes_slice(&rec->application))) != 0 ||
	    (r = cbor_put_entry_bytes(
		 &out, ENTRY_USER, bytes_slice(&rec->user))) != 0 ||
	    (r = cbor_put_entry_bytes(
		 &out, ENTRY_HANDLE, bytes_slice(&rec->key_handle))) != 0)
		goto out;
	if (out.len > RECORD_MAX_LEN)
		r = fail(FAIL_ARGUMENT,
		    "a resident key's record would have %zu bytes, and %d are "
		    "the most; shorten its application, user or limits",
		    out.len, RECORD_MAX_LEN);
	else
		bytes_move(&out, ret);
out:
	bytes_reset(&out);
	return r;
}

static int
fail_damaged_record(const char *what)
{
	return fail(
	    FAIL_HANDLE, "the resident key's record is damaged (%s)", what);
}

/* What a file's name should not have; NULL if nothing. */
static const char *
what_is_wrong(struct slice name)
{
	size_t n;

	for (; name.len > 0; name.data += n, name.len -= n) {
		uint8_t c = name.data[0];

		if ((n = utf8_length(name)) == 0)
			return "what is not UTF-8";
		if (c == '/')
			return "a slash";
		/* U+0080 to U+009F are control characters as well. */
		if (c < ' ' || c == 0x7f || (c == 0xc2 && name.data[1] < 0xa0))
			return "a control character";
	}
	return NULL;
}

/* As sk_suffix in OpenSSH's ssh-keygen.c does. */
static struct slice
without_scheme(struct slice application)
{
	static const char *const schemes[] = { "ssh://", "ssh:" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t n = strlen(schemes[i]);

		if (application.len >= n &&
		    memcmp(application.data, schemes[i], n) == 0)
			return (struct slice){ application.data + n,
				application.len - n };
	}
	return application;
}

int
record_check_names(const struct record *rec)
{
	const size_t most = NAME_MAX -
	    strlen("id_ecdsa_sk_rk_"
		   "_"
		   ".pub");
	struct slice name = without_scheme(bytes_slice(&rec->application));
	const char *wrong, *whose = "application";

	if ((wrong = what_is_wrong(name)) == NULL) {
		wrong = what_is_wrong(bytes_slice(&rec->user));
		whose = "user";
	}
	if (wrong != NULL)
		return fail(FAIL_NAME,
		    "a resident key's %s goes into a file's name, and this one "
		    "has %s",
		    whose, wrong);
	if (name.len + rec->user.len > most)
		return fail(FAIL_NAME,
		    "a resident key's application and user go into a file's "
		    "name, and have %zu bytes instead of at most %zu",
		    name.len + rec->user.len, most);
	return 0;
}

static int
decode_entries(struct slice in, struct record *rec)
{
	struct slice application, user, handle;
	int r;

	if (!cbor_take_entry_uint(&in, ENTRY_GENERATION, &rec->generation))
		return fail_damaged_record("generation");
	if (!cbor_take_entry_text(&in, ENTRY_APPLICATION, &application) ||
	    application.len == 0 ||
	    memchr(application.data, '\0', application.len) != NULL)
		return fail_damaged_record("application");
	if (!cbor_take_entry_bytes(&in, ENTRY_USER, &user) ||
	    user.len > RECORD_MAX_USER)
		return fail_damaged_record("user");
	if (!cbor_take_entry_bytes(&in, ENTRY_HANDLE, &handle) ||
	    handle.len == 0)
		return fail_damaged_record("key handle");
	if ((r = bytes_set(
		 &rec->application, application.data, application.len)) != 0 ||
	    (r = bytes_set(&rec->user, user.data, user.len)) != 0)
		return r;
	return bytes_set(&rec->key_handle, handle.data, handle.len);
}

int
record_decode(struct slice in, struct record *ret)
{
	struct slice rest = in, text;
	struct record rec = { 0 };
	struct bytes again = { 0 };
	uint64_t entries, version;
	int r;

	if (!cbor_take_map(&rest, &entries) ||
	    !cbor_take_entry_text(&rest, ENTRY_MAGIC, &text) ||
	    !slice_equal(text, magic) ||
	    !cbor_take_entry_uint(&rest, ENTRY_VERSION, &version))
		return fail_damaged_record("beginning");
	if (version != VERSION)
		return fail(FAIL_VERSION,
		    "the resident key's record has format version %ju, and "
		    "this sk-tpm reads %d",
		    (uintmax_t)version, VERSION);
	if ((r = decode_entries(rest, &rec)) != 0 ||
	    (r = record_encode(&rec, &again)) != 0)
		goto out;
	/* As with the key handle: ours is the only encoding. */
	if (!slice_equal(bytes_slice(&again), in)) {
		r = fail_damaged_record("not our encoding");
		goto out;
	}
	if ((r = record_check_names(&rec)) != 0)
		goto out;
	*ret = rec;
	rec = (struct record){ 0 };
out:
	bytes_reset(&again);
	record_reset(&rec);
	return r;
}

bool
record_same_key(const struct record *a, const struct record *b)
{
	return slice_equal(bytes_slice(&a->application),
		   bytes_slice(&b->application)) &&
	    slice_equal(bytes_slice(&a->user), bytes_slice(&b->user));
}

void
record_reset(struct record *rec)
{
	bytes_reset(&rec->application);
	bytes_reset(&rec->user);
	bytes_reset(&rec->key_handle);
	*rec = (struct record){ 0 };
}
