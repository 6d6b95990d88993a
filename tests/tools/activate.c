/* SPDX-License-Identifier: ISC */
/*
 * Has the TPM answer a challenge for a key of ours, as sk-tpm request does.
 *
 *	activate name KEY-FILE
 *	activate KEY-FILE ID-OBJECT ENCRYPTED-SECRET [MACHINE-ID]
 *
 * prints the key's Name, or the secret, in hex. Without an id the endorsement
 * key is the one that serves best. The PIN is in ACTIVATE_PIN, the endorsement
 * hierarchy's password in ACTIVATE_PASSWORD.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/activate.h"
#include "base/error.h"
#include "base/log.h"
#include "config.h"
#include "keyfile.h"
#include "tpm/name.h"
#include "user/pin.h"

struct work {
	const char *id;
	struct activation a;
	uint8_t secret[ACTIVATE_SECRET_LEN];
};

static int
print(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", bytes[i]);
	putchar('\n');
	return 0;
}

static int
read_file(const char *path, struct bytes *ret)
{
	uint8_t buf[4096];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL)
		return fail(FAIL_ARGUMENT, "cannot open %s", path);
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	return bytes_set(ret, buf, n);
}

static int
do_work(struct tpm *tpm, void *what)
{
	struct work *w = what;
	struct ek_choice choice;
	struct ek ek;
	int r;

	if (w->id != NULL)
		r = ek_open_id(tpm, w->id, w->a.endorsement, &ek);
	else if ((r = ek_choose(tpm, &choice)) == 0)
		r = ek_open(tpm, &choice, w->a.endorsement, &ek);
	if (r != 0)
		return r;
	w->a.ek = &ek;
	r = activate(tpm, &w->a, w->secret);
	ek_close(tpm, &ek);
	return r;
}

static int
answer(const struct config *cfg, const struct checked_key *key, char **argv)
{
	const char *pin = getenv("ACTIVATE_PIN");
	const char *password = getenv("ACTIVATE_PASSWORD");
	struct bytes id_object = { 0 }, secret = { 0 }, auth = { 0 };
	struct work w = {
		.id = argv[2],
		.a = { .tcti = cfg->tcti,
		    .key = key,
		    .last_try = cfg->spend_last_try ? LOCKOUT_SPEND_LAST_TRY
						    : LOCKOUT_KEEP_LAST_TRY },
	};
	int r;

	if (password != NULL)
		w.a.endorsement = slice_of_text(password);
	if ((r = read_file(argv[0], &id_object)) != 0 ||
	    (r = read_file(argv[1], &secret)) != 0 ||
	    (pin != NULL &&
		(r = pin_auth_value(pin, key->handle->pin_salt, &auth)) != 0))
		goto out;
	w.a.auth_value = bytes_slice(&auth);
	w.a.challenge.id_object = bytes_slice(&id_object);
	w.a.challenge.encrypted_secret = bytes_slice(&secret);
	if ((r = tpm_with(cfg->tcti, do_work, &w)) == 0)
		r = print(w.secret, sizeof(w.secret));
out:
	bytes_reset(&id_object);
	bytes_reset(&secret);
	bytes_reset(&auth);
	return r;
}

static int
print_name(const struct handle *h)
{
	const struct slice area = { h->tpm_public.data + 2,
		h->tpm_public.len - 2 };
	uint8_t name[TPM_NAME_LEN];
	int r;

	if ((r = tpm_compute_name(area, name)) == 0)
		r = print(name, sizeof(name));
	return r;
}

int
main(int argc, char **argv)
{
	bool name = argc == 3 && strcmp(argv[1], "name") == 0;
	struct keyfile file = { 0 };
	struct handle h = { 0 };
	struct checked_key key;
	struct config cfg = { 0 };
	int r;

	log_begin_secret();
	if (!name && argc != 4 && argc != 5)
		return 2;
	if ((r = config_load(&cfg)) == 0 &&
	    (r = keyfile_read(argv[name ? 2 : 1], &file)) == 0 &&
	    (r = handle_decode(bytes_slice(&file.key_handle), &h)) == 0 &&
	    (r = key_check(&h, &key)) == 0) {
		log_set_level(cfg.log_level);
		r = name ? print_name(&h) : answer(&cfg, &key, argv + 2);
	}
	if (r != 0)
		log_failure(r);
	handle_reset(&h);
	keyfile_reset(&file);
	config_reset(&cfg);
	return r != 0;
}
