/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../tools/responses.h"
#include "base/error.h"
#include "copies.h"
#include "key/handle.h"
#include "keyfile.h"

struct key copied, copied_pin;
static char *copy_keyfile;

/* --- the operations ---------------------------------------------------- */

int
run_sign_copy(struct outcome *out)
{
	return sign_key(out, &copied, NULL);
}

int
run_sign_copy_pin(struct outcome *out)
{
	return sign_key(out, &copied_pin, PIN);
}

int
run_enrol_copy(struct outcome *out)
{
	setenv("SK_TPM_PERSISTENT", "yes", 1);
	return enroll(out, 0, NULL, NULL);
}

static int
run_enrol_copy_pin(struct outcome *out)
{
	setenv("SK_TPM_PERSISTENT", "yes", 1);
	return enroll(out, SSH_SK_USER_VERIFICATION_REQD, PIN, NULL);
}

int
run_persist(struct outcome *out)
{
	(void)out;
	return run_command("persist", copy_keyfile);
}

int
run_evict(struct outcome *out)
{
	(void)out;
	return run_command("evict", copy_keyfile);
}

/* --- what has to hold -------------------------------------------------- */

static bool
has(const struct raw_state *state, uint32_t handle)
{
	for (size_t i = 0; i < state->n_copies; i++)
		if (state->copies[i] == handle)
			return true;
	return false;
}

void
copies_compare(const struct raw_state *before, const struct raw_state *now,
    struct outcome *out)
{
	out->copies_made = out->copies_gone = 0;
	for (size_t i = 0; i < now->n_copies; i++)
		if (!has(before, now->copies[i])) {
			out->copies_made++;
			out->copy = now->copies[i];
		}
	for (size_t i = 0; i < before->n_copies; i++)
		if (!has(now, before->copies[i]))
			out->copies_gone++;
}

/*
 * Nothing is left of one that failed; but where the process or the connection
 * ended, nobody was there to evict it.
 */
bool
new_copy_is_kept(const struct outcome *out)
{
	if (out->copies_gone > 0)
		return false;
	if (out->done && out->result == 0)
		return out->copies_made == 1 || out->lied_to;
	return out->copies_made <= (out->cut_off ? 1 : 0);
}

/* The file signs, and *ret is the copy that it names; 0 is none. */
static bool
file_signs(uint32_t *ret)
{
	struct keyfile key = { 0 };
	struct handle h = { 0 };
	bool good;

	good = keyfile_read(copy_keyfile, &key) == 0 &&
	    handle_decode(bytes_slice(&key.key_handle), &h) == 0 &&
	    signs(key.key_handle.data, key.key_handle.len, plain.point, NULL);
	*ret = h.persistent;
	handle_reset(&h);
	keyfile_reset(&key);
	return good;
}

/* A copy that is left behind is named by its file. */
bool
persist_is_kept(const struct outcome *out)
{
	uint32_t named;

	if (!file_signs(&named) || out->copies_gone > 0)
		return false;
	if (out->done && out->result == 0 && !out->lied_to)
		return out->copies_made == 1 && named == out->copy;
	if (out->copies_made == 1)
		return named == out->copy && (out->cut_off || out->lied_to);
	return out->copies_made == 0 && (named == 0 || out->cut_off);
}

/* A copy that is there still is named by its file. */
bool
evict_is_kept(const struct outcome *out)
{
	uint32_t named;

	if (!file_signs(&named) || out->copies_made > 0)
		return false;
	if (out->done && out->result == 0 && !out->lied_to)
		return out->copies_gone == 1 && named == 0;
	return out->copies_gone == 1 || named != 0 || out->lied_to;
}

/* --- before and after -------------------------------------------------- */

bool
copies_evict_new(const struct raw_state *before, const struct raw_state *now)
{
	const char *password = owner_auth.len > 0 ? OWNER_PASSWORD : NULL;

	for (size_t i = 0; i < now->n_copies; i++)
		if (!has(before, now->copies[i]) &&
		    !raw_evict(tcti, now->copies[i], password))
			return false;
	return true;
}

bool
copies_write_file(void)
{
	struct keyfile key = { 0 };
	bool good;

	memcpy(key.point.x, plain.point + 1, 32);
	memcpy(key.point.y, plain.point + 33, 32);
	good = bytes_set(&key.key_handle, plain.handle, plain.len) == 0 &&
	    (key.application = strdup(APPLICATION)) != NULL &&
	    (key.comment = strdup("test")) != NULL &&
	    keyfile_write(&key, copy_keyfile, REPLACE_EXISTING) == 0;
	keyfile_reset(&key);
	return good;
}

bool
copies_begin(bool (*make)(int (*how)(struct outcome *), struct key *ret),
    const char *dir)
{
	return asprintf(&copy_keyfile, "%s/copy", dir) != -1 &&
	    make(run_enrol_copy, &copied) &&
	    make(run_enrol_copy_pin, &copied_pin) && copies_write_file();
}
