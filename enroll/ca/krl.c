/* SPDX-License-Identifier: ISC */
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "base/text.h"
#include "base/wire.h"
#include "ca/krl.h"
#include "ca/public-key.h"
#include "ca/ssh-keygen.h"
#include "ca/workdir.h"

/* In base64 and lines, with a certificate, it is within PROTOCOL.md's limits.
 */
#define KRL_MAX (11 * 1024 * 1024)

/*
 * What was revoked is in the list for this long behind its end: our clock may
 * be ahead of a server's, or have been ahead for a while. In seconds.
 */
#define KEPT_BEHIND_ITS_END (30 * 86400)

/* --- what is revoked, in ssh-keygen's words ---------------------------- */

/*
 * ssh-keygen takes serial numbers of one CA key at a time: each group of them
 * is a file of its own.
 */
struct writing {
	const struct settings *settings;
	uint64_t version;
	struct workdir *dir;
	const char *krl, *spec, *ca;
	char ca_fingerprint[STORE_FINGERPRINT_LEN + 1];
	struct bytes lines, ca_line; /* of the group */
	bool began;		     /* there is a KRL to add to */
};

static int
write_over(const char *path, const struct bytes *content)
{
	remove(path);
	return file_write_new(path, bytes_slice(content));
}

/* What was gathered goes into the KRL. */
static int
end_group(struct writing *w)
{
	struct ssh_keygen run = { 0 };
	struct text version = { 0 };
	int r;

	if ((w->lines.len == 0 && w->began) ||
	    (w->lines.len == 0 && w->ca_line.len != 0))
		return 0;
	text_add(&version, "%llu", (unsigned long long)w->version);
	ssh_keygen_add(&run, "-q");
	ssh_keygen_add(&run, "-k");
	if (w->began)
		ssh_keygen_add(&run, "-u");
	ssh_keygen_add(&run, "-f");
	ssh_keygen_add(&run, w->krl);
	ssh_keygen_add(&run, "-z");
	ssh_keygen_add(&run, version.s);
	if (w->ca_line.len != 0) {
		if ((r = write_over(w->ca, &w->ca_line)) != 0)
			return r;
		ssh_keygen_add(&run, "-s");
		ssh_keygen_add(&run, w->ca);
	}
	if ((r = write_over(w->spec, &w->lines)) != 0)
		return r;
	ssh_keygen_add(&run, w->spec);
	if ((r = ssh_keygen_run(&run, w->settings)) != 0)
		return r;
	w->began = true;
	bytes_reset(&w->lines);
	return 0;
}

static int
add_key(const char *fingerprint, void *arg)
{
	struct writing *w = arg;
	char line[STORE_FINGERPRINT_LEN + 16];
	int n = snprintf(line, sizeof(line), "hash: %.*s\n",
	    STORE_FINGERPRINT_LEN, fingerprint);

	return bytes_append(&w->lines, line, (size_t)n);
}

/* The CA's key is in what it signed, also where it is used no more. */
static int
begin_group(struct writing *w, const struct store_certificate *cert)
{
	struct certificate c;
	int r;

	if ((r = end_group(w)) != 0)
		return r;
	if (!certificate_parse_signed(bytes_slice(&cert->blob), &c))
		return fail(FAIL_STORE, "the store is damaged");
	snprintf(w->ca_fingerprint, sizeof(w->ca_fingerprint), "%s",
	    cert->ca_fingerprint);
	bytes_reset(&w->ca_line);
	return public_key_put(&w->ca_line, c.ca);
}

static int
add_certificate(const struct store_certificate *cert, void *arg)
{
	struct writing *w = arg;
	char line[40];
	int n, r;

	if (strcmp(w->ca_fingerprint, cert->ca_fingerprint) != 0 &&
	    (r = begin_group(w, cert)) != 0)
		return r;
	n = snprintf(line, sizeof(line), "serial: %llu\n",
	    (unsigned long long)cert->serial);
	return bytes_append(&w->lines, line, (size_t)n);
}

static int
write_krl(struct store *store, struct writing *w, int64_t now)
{
	int r;

	/* The first group, of keys, is there even if it is empty. */
	if ((r = store_revoked_keys_each(store, add_key, w)) != 0 ||
	    (r = end_group(w)) != 0 ||
	    (r = store_revoked_each(
		 store, now - KEPT_BEHIND_ITS_END, add_certificate, w)) != 0)
		return r;
	return end_group(w);
}

/* --- whether it is good ------------------------------------------------ */

/* A key that nobody has, and nobody could revoke. */
static int
make_key(struct bytes *ret)
{
	uint8_t point[32];
	int r;

	if (RAND_bytes(point, sizeof(point)) != 1)
		return fail(FAIL_INTERNAL, "no random numbers");
	if ((r = wire_put_text(ret, "ssh-ed25519")) != 0)
		return r;
	return wire_put_string(ret, (struct slice){ point, sizeof(point) });
}

/* ssh-keygen reads it, and does not find in it what is not there. */
static int
check(struct writing *w)
{
	struct ssh_keygen run = { 0 };
	struct bytes blob = { 0 }, line = { 0 };
	const char *key = workdir_path(w->dir, "any.pub");
	int r;

	if (key == NULL)
		return FAIL_MEMORY;
	ssh_keygen_add(&run, "-Q");
	ssh_keygen_add(&run, "-q");
	ssh_keygen_add(&run, "-f");
	ssh_keygen_add(&run, w->krl);
	ssh_keygen_add(&run, key);
	if ((r = make_key(&blob)) == 0 &&
	    (r = public_key_put(&line, bytes_slice(&blob))) == 0 &&
	    (r = file_write_new(key, bytes_slice(&line))) == 0)
		r = ssh_keygen_run(&run, w->settings);
	bytes_reset(&blob);
	bytes_reset(&line);
	return r;
}

static int
make(struct store *store, struct writing *w, int64_t now, struct bytes *ret)
{
	int r;

	w->krl = workdir_path(w->dir, "krl");
	w->spec = workdir_path(w->dir, "spec");
	w->ca = workdir_path(w->dir, "signed-by.pub");
	if (w->krl == NULL || w->spec == NULL || w->ca == NULL)
		return FAIL_MEMORY;
	if ((r = write_krl(store, w, now)) != 0 || (r = check(w)) != 0)
		return r;
	return home_read(w->krl, KRL_MAX, ret);
}

int
krl_current(struct store *store, const struct settings *settings, int64_t now,
    struct bytes *ret)
{
	struct workdir dir = { 0 };
	struct writing w = { .settings = settings, .dir = &dir };
	bool stale;
	int r;

	if ((r = store_krl(store, ret, &w.version, &stale)) != 0 ||
	    (!stale && ret->len > 0))
		return r;
	w.version++;
	if ((r = workdir_make(settings, &dir)) == 0 &&
	    (r = make(store, &w, now, ret)) == 0)
		r = store_krl_put(store, bytes_slice(ret), w.version);
	workdir_remove(&dir);
	bytes_reset(&w.lines);
	bytes_reset(&w.ca_line);
	return r;
}
