/* SPDX-License-Identifier: ISC */
/* sk-tpm enroll */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answer.h"
#include "authenticator/credential.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "base/text.h"
#include "base/utf8.h"
#include "base/wire.h"
#include "command.h"
#include "evicting.h"
#include "new-pin.h"
#include "openssh.h"
#include "tpm/pcr.h"

static bool
has(const struct invocation *inv, enum option_id id)
{
	return option_value(inv, id) != NULL;
}

static bool
has_pin(const struct invocation *inv)
{
	return has(inv, OPTION_PIN) || has(inv, OPTION_PIN_FD);
}

/* --- limits ------------------------------------------------------------ */

static int
add_limit(const char *word, struct limits *l)
{
	if (strncmp(word, "sign:", 5) == 0)
		return limits_allow_namespace(l, slice_of_text(word + 5));
	for (size_t i = 0; i < LIMIT_KINDS; i++) {
		if (strcmp(word, limit_names[i].name) != 0)
			continue;
		limits_allow_kind(l, limit_names[i].kind);
		return 0;
	}
	return fail(FAIL_ARGUMENT,
	    "--limit: \"%.100s\" is not a kind of request; use " LIMIT_CHOICES,
	    word);
}

/* "SHA256:" and 43 characters of base64, as ssh-keygen -l prints it. */
static int
add_server(const char *fingerprint, struct limits *l)
{
	char padded[BASE64_LEN(32) + 1];
	struct bytes digest = { 0 };
	int r;

	if (strncmp(fingerprint, "SHA256:", 7) != 0 ||
	    strlen(fingerprint + 7) != 43)
		return fail(FAIL_ARGUMENT,
		    "--server: \"%.100s\" is not a fingerprint; take the "
		    "SHA256:... that ssh-keygen -lf prints for the host key",
		    fingerprint);
	snprintf(padded, sizeof(padded), "%s=", fingerprint + 7);
	r = base64_decode(slice_of_text(padded), &digest);
	if (r == FAIL_ARGUMENT || (r == 0 && digest.len != 32))
		r = fail(FAIL_ARGUMENT, "--server: \"%.100s\" is not base64",
		    fingerprint);
	if (r == 0)
		r = limits_allow_server(l, digest.data);
	bytes_reset(&digest);
	return r;
}

/* --- the key ----------------------------------------------------------- */

static char *
default_comment(void)
{
	char host[256] = "localhost", *comment = NULL;
	const char *user = secure_getenv("USER");

	gethostname(host, sizeof(host) - 1);
	if (asprintf(&comment, "%s@%s", user != NULL ? user : "tpm", host) ==
	    -1)
		return NULL;
	return comment;
}

/* `attestation` is NULL if none is to be written. */
static int
check_targets(
    const char *path, const char *attestation, enum existing_file existing)
{
	bool is_private = false, is_public = false;
	char *public = NULL;
	int r;

	if (asprintf(&public, "%s.pub", path) == -1)
		return fail(FAIL_MEMORY, "out of memory");
	if ((r = new_file_check(path, existing)) == 0 &&
	    (r = new_file_check(public, existing)) == 0 &&
	    attestation != NULL &&
	    (r = new_file_check(attestation, existing)) == 0 &&
	    (r = new_file_is_same(attestation, path, &is_private)) == 0)
		r = new_file_is_same(attestation, public, &is_public);
	if (is_private || is_public)
		r = fail(FAIL_ARGUMENT,
		    "%s is the key's own file; name another one for the "
		    "attestation",
		    attestation);
	free(public);
	return r;
}

/* Text that goes into a line of authorized_keys must not end that line. */
static int
check_text(const char *option, const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return fail(FAIL_ARGUMENT,
			    "%s: control characters are not allowed", option);
	if (!utf8_is_valid(slice_of_text(s)))
		return fail(FAIL_ARGUMENT, "%s: not UTF-8", option);
	return 0;
}

static int
check_words(const struct invocation *inv, const struct keyfile *key)
{
	int r;

	if ((r = check_text("--comment", key->comment)) != 0 ||
	    (r = check_text("--application", key->application)) != 0)
		return r;
	if (strncmp(key->application, "ssh:", 4) != 0)
		return fail(
		    FAIL_ARGUMENT, "--application: must begin with ssh:");
	if (has(inv, OPTION_PIN_LIFETIME) && !has_pin(inv))
		return fail(FAIL_ARGUMENT,
		    "--pin-lifetime is for keys with a PIN; add --pin");
	if (has(inv, OPTION_USER) && !has(inv, OPTION_RESIDENT))
		return fail(FAIL_ARGUMENT,
		    "--user is for resident keys; add --resident");
	return 0;
}

#define MAX_CHALLENGE 65536

/* Reads all of it or fails: an attestation of a part would not verify. */
static int
read_challenge(FILE *f, const char *path, struct bytes *ret)
{
	uint8_t *buf = malloc(MAX_CHALLENGE + 1);
	size_t n;
	int r;

	if (buf == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	n = fread(buf, 1, MAX_CHALLENGE + 1, f);
	if (ferror(f))
		r = fail(FAIL_ARGUMENT, "cannot read the challenge %s: %s",
		    path, strerror(errno));
	else if (n > MAX_CHALLENGE)
		r = fail(FAIL_ARGUMENT,
		    "the challenge %s has more than %d bytes", path,
		    MAX_CHALLENGE);
	else
		r = bytes_set(ret, buf, n);
	free(buf);
	return r;
}

static int
take_challenge(const struct invocation *inv, struct bytes *ret)
{
	const char *path = option_value(inv, OPTION_CHALLENGE);
	uint8_t random[32];
	struct stat st;
	FILE *f;
	int r;

	if (path == NULL) {
		if (RAND_bytes(random, sizeof(random)) != 1)
			return fail(FAIL_INTERNAL, "no random numbers");
		return bytes_set(ret, random, sizeof(random));
	}
	if ((f = home_open(path, &st)) == NULL)
		return fail(
		    FAIL_ARGUMENT, "cannot read the challenge %s", path);
	r = read_challenge(f, path, ret);
	fclose(f);
	return r;
}

/* "ssh-sk-attest-v01" of PROTOCOL.u2f. */
static int
write_attestation(const struct credential *cred, const char *path,
    enum existing_file existing)
{
	struct bytes out = { 0 };
	int r;

	if (cred->signature.len == 0)
		return fail(FAIL_ARGUMENT,
		    "the key is made, but there is no attestation: nobody "
		    "could be asked for their presence");
	if ((r = wire_put_text(&out, "ssh-sk-attest-v01")) == 0 &&
	    (r = wire_put_text(&out, "")) == 0 &&
	    (r = wire_put_string(&out, bytes_slice(&cred->signature))) == 0 &&
	    (r = wire_put_string(&out, bytes_slice(&cred->authdata))) == 0 &&
	    (r = bytes_append(&out, "\0\0\0", 4)) == 0 &&
	    (r = wire_put_text(&out, "")) == 0)
		r = new_file_write(path, &out, 0600, existing);
	bytes_reset(&out);
	return r;
}

_Static_assert(KEYFILE_PRESENCE == CREDENTIAL_PRESENCE &&
	KEYFILE_VERIFICATION == CREDENTIAL_VERIFICATION &&
	KEYFILE_RESIDENT == CREDENTIAL_RESIDENT,
    "the flags of a key file are not its credential's");

static int
take_pin(const struct invocation *inv, struct bytes *ret)
{
	const char *fd = option_value(inv, OPTION_PIN_FD);

	return fd != NULL
	    ? new_pin_read(fd, ret)
	    : new_pin_ask(&inv->cfg, "Choose a PIN for the new key: ", ret);
}

static int
make(const struct invocation *inv, const char *application,
    const struct limits *limits, uint32_t pcrs, struct keyfile *key,
    struct credential *ret)
{
	struct bytes challenge = { 0 }, pin = { 0 };
	struct credential_request req = {
		.application = application,
		.limits = limits,
		.pcrs = pcrs,
		.user = option_value(inv, OPTION_USER),
	};
	int r;

	if (!has(inv, OPTION_NO_TOUCH))
		req.flags |= CREDENTIAL_PRESENCE;
	if (has_pin(inv))
		req.flags |= CREDENTIAL_VERIFICATION | CREDENTIAL_PIN_REPEATED;
	if (has(inv, OPTION_ATTESTATION))
		req.flags |= CREDENTIAL_ATTESTATION;
	if (has(inv, OPTION_RESIDENT))
		req.flags |= CREDENTIAL_RESIDENT;
	if (has(inv, OPTION_PERSISTENT) || (inv->cfg.persistent && pcrs == 0))
		req.flags |= CREDENTIAL_PERSISTENT;
	if (has(inv, OPTION_FORCE))
		req.flags |= CREDENTIAL_OVERWRITE;
	if ((r = take_challenge(inv, &challenge)) != 0 ||
	    (has_pin(inv) &&
		((r = credential_look(&inv->cfg, &req)) != 0 ||
		    (r = take_pin(inv, &pin)) != 0)))
		goto out;
	req.challenge = bytes_slice(&challenge);
	req.pin = (const char *)pin.data;
	if ((r = credential_make(&inv->cfg, &req, ret)) != 0)
		goto out;
	key->point = ret->point;
	key->flags = (uint8_t)(req.flags &
	    (CREDENTIAL_PRESENCE | CREDENTIAL_VERIFICATION |
		CREDENTIAL_RESIDENT));
	bytes_move(&ret->key_handle, &key->key_handle);
out:
	bytes_reset(&challenge);
	bytes_reset(&pin);
	return r;
}

/* --- the answer -------------------------------------------------------- */

static const char *
server_options(uint8_t flags)
{
	switch (flags & (KEYFILE_PRESENCE | KEYFILE_VERIFICATION)) {
	case KEYFILE_PRESENCE | KEYFILE_VERIFICATION:
		return "verify-required ";
	case KEYFILE_VERIFICATION:
		return "verify-required,no-touch-required ";
	case KEYFILE_PRESENCE:
		return "";
	default:
		return "no-touch-required ";
	}
}

/* Adds the public key, with `options` for authorized_keys in front of it. */
static int
answer_line(struct json_object *o, const char *name, const char *options,
    const struct keyfile *key)
{
	struct bytes line = { 0 }, public = { 0 };
	int r;

	if ((r = keyfile_public_line(key, &public)) != 0 ||
	    (r = bytes_set(&line, options, strlen(options))) != 0 ||
	    (r = bytes_append(&line, public.data, public.len)) != 0)
		goto out;
	answer_object(o, name,
	    json_object_new_string_len((const char *)line.data, (int)line.len));
out:
	bytes_reset(&public);
	bytes_reset(&line);
	return r;
}

static int
answer(const struct invocation *inv, const struct keyfile *key,
    const struct limits *limits, uint32_t pcrs, const char *path)
{
	struct json_object *o = answer_new();
	bool login = limits->kinds == 0 || (limits->kinds & LIMIT_LOGIN) != 0;
	struct text t = { 0 };
	uint8_t digest[32];
	int r;

	if ((r = keyfile_fingerprint(key, digest)) != 0)
		goto out;
	text_add_fingerprint(&t, digest);
	answer_path(o, "file", path);
	answer_text(o, "fingerprint", t.s);
	answer_boot_state(o, pcrs);
	r = login
	    ? answer_line(o, "authorized_keys", server_options(key->flags), key)
	    : answer_line(o, "public_key", "", key);
	if (r != 0)
		goto out;
	answer_print(o, wanted_form(inv));
	o = NULL;
	if (wanted_form(inv) == ANSWER_JSON)
		goto out;
	if (login)
		printf("\nThe last is the line for the server's "
		       "authorized_keys. For ssh itself:\n\n"
		       "  SecurityKeyProvider %s\n",
		    openssh_library());
	else
		printf("\nIts limits do not let it log in. For ssh-keygen "
		       "and git:\n\n  export SSH_SK_PROVIDER=%s\n",
		    openssh_library());
out:
	json_object_put(o);
	return r;
}

/* The copy of a key that no file has would be of no use. */
static int
write_key(const struct config *cfg, const struct keyfile *key, const char *path,
    enum existing_file existing)
{
	struct handle h = { 0 };
	struct text cause = { 0 };
	unsigned int n;
	int r;

	if ((r = keyfile_write(key, path, existing)) == 0 ||
	    (key->flags & KEYFILE_RESIDENT) != 0)
		return r;
	text_add(&cause, "%s", log_cause());
	if (handle_decode(bytes_slice(&key->key_handle), &h) == 0 &&
	    h.persistent != 0 && evict_copies(cfg, &h, &n) != 0)
		log_info("its persistent copy is left at 0x%08x; sk-tpm evict "
			 "removes it",
		    h.persistent);
	handle_reset(&h);
	return fail(r, "%s", cause.s);
}

/* *ret_there is true, and the key told of, if the file is one for this TPM. */
static int
find_existing(const struct invocation *inv, const char *path, bool *ret_there)
{
	struct keyref ref = { 0 };
	int loads, r;

	*ret_there = false;
	if (!has(inv, OPTION_IF_ABSENT) || access(path, F_OK) != 0)
		return 0;
	if (has(inv, OPTION_FORCE))
		return fail(FAIL_ARGUMENT,
		    "--force replaces what --if-absent keeps; leave one out");
	*ret_there = true;
	if ((r = keyref_load(&inv->cfg, path, &ref, &loads)) == 0 &&
	    (r = loads) == 0)
		r = answer(
		    inv, &ref.key, &ref.handle.limits, ref.handle.pcrs, path);
	keyref_reset(&ref);
	return r;
}

int
command_enroll(struct invocation *inv)
{
	const char *application = option_value(inv, OPTION_APPLICATION);
	const char *file = option_value(inv, OPTION_FILE);
	const char *comment = option_value(inv, OPTION_COMMENT);
	const char *attestation = option_value(inv, OPTION_ATTESTATION);
	enum existing_file existing =
	    has(inv, OPTION_FORCE) ? REPLACE_EXISTING : KEEP_EXISTING;
	const struct values *kinds = &inv->options[OPTION_LIMIT];
	const struct values *servers = &inv->options[OPTION_SERVER];
	const char *pcr_list = option_value(inv, OPTION_PCRS);
	struct limits limits = { 0 };
	struct credential cred = { 0 };
	struct keyfile key = { 0 };
	uint32_t pcrs = 0;
	bool there;
	char *path;
	int r = 0;

	if (application == NULL)
		application = "ssh:";
	path = file != NULL ? strdup(file) : home_path(".ssh/id_ecdsa_sk");
	key.comment = comment != NULL ? strdup(comment) : default_comment();
	key.application = strdup(application);
	if (path == NULL || key.comment == NULL || key.application == NULL) {
		r = fail(FAIL_MEMORY, "out of memory, or no home directory");
		goto out;
	}
	if ((r = find_existing(inv, path, &there)) != 0 || there)
		goto out;
	for (size_t i = 0; i < kinds->n && r == 0; i++)
		r = add_limit(kinds->value[i], &limits);
	for (size_t i = 0; i < servers->n && r == 0; i++)
		r = add_server(servers->value[i], &limits);
	if (r == 0 && pcr_list != NULL)
		r = pcr_parse(pcr_list, &pcrs);
	if (r == 0 && pcrs != 0 && has(inv, OPTION_PERSISTENT))
		r = fail(FAIL_ARGUMENT,
		    "a key that depends on PCRs gets no persistent copy, as "
		    "anybody on this machine could use that; leave out "
		    "--persistent or --pcrs");
	/* The key file comes first: it is useful without the attestation. */
	if (r == 0 && (r = check_words(inv, &key)) == 0 &&
	    (r = check_targets(path, attestation, existing)) == 0 &&
	    (r = make(inv, application, &limits, pcrs, &key, &cred)) == 0 &&
	    (r = write_key(&inv->cfg, &key, path, existing)) == 0 &&
	    (attestation == NULL ||
		(r = write_attestation(&cred, attestation, existing)) == 0))
		r = answer(inv, &key, &limits, pcrs, path);
out:
	free(path);
	credential_reset(&cred);
	keyfile_reset(&key);
	limits_reset(&limits);
	return r;
}
