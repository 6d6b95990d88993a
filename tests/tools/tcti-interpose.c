/* SPDX-License-Identifier: ISC */
/*
 * A TCTI that is an attacker between a program and its TPM.
 * "interpose:swtpm:port=2321" sits before swtpm:port=2321. The directory that
 * SK_TPM_INTERPOSE names has
 *
 *	key.pem		a P-256 key that it has, in place of the TPM's
 *	attacks		what it does, words of the list below
 *	guesses		passwords to try, one a line
 *	record		what it saw: a line for each command, its name, with a
 *			* where it or its answer was altered
 *	secret		what it could read or guess, appended
 *
 * and what it keeps from one connection to the next. The attacks:
 *
 *	parent		storage keys become its own, with a matching Name
 *	parent-point	they become its own, with the Name that they had
 *	parent-name	they stay, with its own key's Name
 *	unguarded	they do so only where no session is: one that looks at
 *them is refused, and left alone when it comes again
 *	session		a session's first nonce is another one
 *	salt		a session is salted by itself
 *	key		a new key becomes its own, is loaded under that guise,
 *			and signs
 *	load-other	the first key that was loaded is loaded ever after
 *	loaded		a key is said to be loaded, in a session
 *	loaded-plain	the same without a session
 *	signature	its own key signs
 *	replay		the first signature is given ever after
 *	copy		what a session tells of a persistent key, it tells ever
 *			after
 *	copy-other	the same is asked of the storage root key
 *	changed		a key with a new PIN comes back altered
 *	resident	the key in a record read from NV becomes its own
 *	stripped	what it altered is answered as if without any session
 *	nv-told		NV indices of ours are told to be another one, unwritten
 *	nv-named	NV indices have the Name that is in the file victim
 *	nv-removed	the removal of an NV index is sent for another one
 *
 * In a session salted to its own key it reads what is encrypted, and tells
 * guesses at what authorizes. Commands, Names and sessions: TPM 2.0 Library,
 * part 1, sections 11.4.10 (KDFa, KDFe), 16, 19 and 21.
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "between.h"

#define NAME_LEN 34
#define POINT_LEN 68 /* two numbers, with their lengths before them */
/* The other one; in the range of owners, and not in ours. */
#define OTHER_INDEX 0x01500000
#define SRK 0x81000001

struct message {
	uint8_t data[4096];
	size_t len;
};

#define MAX_INDICES 16

struct interposer {
	struct between between; /* first: it is a TCTI context */
	char attacks[256];
	EVP_PKEY *key;
	uint8_t point[POINT_LEN]; /* its public key */
	struct message command, answer;
	bool answered; /* by ourselves */
	bool altered;
	bool fetched;
	bool knows_session;
	bool refused;	/* the last session that looked at an object */
	bool disguised; /* `loaded` has to be called `asked` */
	uint8_t loaded[NAME_LEN], asked[NAME_LEN];
	/* The NV indices that were looked at, by number and Name. */
	uint8_t indices[MAX_INDICES][4 + NAME_LEN];
	size_t n_indices;
	uint8_t salt[32], session_key[32], nonce_tpm[32];
};

/* --- files of its own -------------------------------------------------- */

static FILE *
open_file(const char *name, const char *mode)
{
	const char *dir = getenv("SK_TPM_INTERPOSE");
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir : ".", name);
	return fopen(path, mode);
}

static size_t
load(const char *name, void *to, size_t max)
{
	FILE *f = open_file(name, "rb");
	size_t n = 0;

	if (f != NULL) {
		n = fread(to, 1, max, f);
		fclose(f);
	}
	return n;
}

static void
save(const char *name, const void *data, size_t n)
{
	FILE *f = open_file(name, "wb");

	if (f == NULL || fwrite(data, 1, n, f) != n || fclose(f) != 0)
		abort();
}

static void
tell(const char *name, const char *text, const char *mark)
{
	FILE *f = open_file(name, "a");

	if (f == NULL || fprintf(f, "%s%s\n", text, mark) < 0 || fclose(f) != 0)
		abort();
}

static void
tell_hex(const char *name, const uint8_t *data, size_t n)
{
	char hex[2 * 64 + 1];

	for (size_t i = 0; i < n && i < 64; i++)
		snprintf(hex + 2 * i, 3, "%02x", data[i]);
	tell(name, hex, "");
}

static bool
does(const struct interposer *t, const char *attack)
{
	size_t n = strlen(attack);

	for (const char *p = t->attacks; *p != '\0';) {
		size_t len = strcspn(p, " \n");

		if (len == n && strncmp(p, attack, n) == 0)
			return true;
		p += len + strspn(p + len, " \n");
	}
	return false;
}

/* --- messages ---------------------------------------------------------- */

static void
add(struct message *m, const void *data, size_t n)
{
	if (m->len + n > sizeof(m->data))
		abort();
	memcpy(m->data + m->len, data, n);
	m->len += n;
	put32(m->data + 2, (uint32_t)m->len);
}

static uint32_t
code_of(const struct message *m)
{
	return get32(m->data + 6);
}

static bool
is_good(const struct message *answer)
{
	return answer->len > HEADER_LEN && code_of(answer) == TPM2_RC_SUCCESS;
}

/* A P-256 public area in a message: its point, and where it begins. */
static uint8_t *
find_point(struct message *m, uint8_t **ret_area)
{
	static const uint8_t curve[] = { 0, 3, 0, 0x10, 0, 32 };
	static const uint8_t area[] = { 0, 0x23, 0, 0x0b };
	uint8_t *p = memmem(m->data, m->len, curve, sizeof(curve));

	if (p == NULL)
		return NULL;
	*ret_area = NULL;
	for (uint8_t *q = m->data; q < p; q++)
		if (memcmp(q, area, sizeof(area)) == 0)
			*ret_area = q;
	return *ret_area != NULL ? p + 4 : NULL;
}

static void
name_of(const uint8_t *area, const uint8_t *point, uint8_t ret[NAME_LEN])
{
	ret[0] = 0;
	ret[1] = 0x0b;
	EVP_Digest(area, (size_t)(point + POINT_LEN - area), ret + 2, NULL,
	    EVP_sha256(), NULL);
}

static void
replace(struct message *m, const uint8_t *old, const uint8_t *new, size_t n)
{
	uint8_t *p = memmem(m->data, m->len, old, n);

	if (p == NULL)
		abort();
	memcpy(p, new, n);
}

/* --- its key ----------------------------------------------------------- */

static void
read_key(struct interposer *t)
{
	FILE *f = open_file("key.pem", "r");
	unsigned char *der = NULL;
	int len;

	if (f == NULL ||
	    (t->key = PEM_read_PrivateKey(f, NULL, NULL, NULL)) == NULL)
		abort();
	fclose(f);
	/* A SubjectPublicKeyInfo ends with the point, 04 before it. */
	len = i2d_PUBKEY(t->key, &der);
	memcpy(t->point, "\0\40", 2);
	memcpy(t->point + 2, der + len - 64, 32);
	memcpy(t->point + 34, "\0\40", 2);
	memcpy(t->point + 36, der + len - 32, 32);
	OPENSSL_free(der);
}

/* The x of the shared point with `point`. */
static void
agree(struct interposer *t, const uint8_t *point, uint8_t ret[32])
{
	static const uint8_t prefix[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07,
		0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
		0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
		0x04 };
	uint8_t info[sizeof(prefix) + 64];
	const uint8_t *p = info;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(t->key, NULL);
	EVP_PKEY *peer;
	size_t n = 32;

	memcpy(info, prefix, sizeof(prefix));
	memcpy(info + sizeof(prefix), point + 2, 32);
	memcpy(info + sizeof(prefix) + 32, point + 36, 32);
	peer = d2i_PUBKEY(NULL, &p, sizeof(info));
	if (EVP_PKEY_derive_init(ctx) != 1 ||
	    EVP_PKEY_derive_set_peer(ctx, peer) != 1 ||
	    EVP_PKEY_derive(ctx, ret, &n) != 1 || n != 32)
		abort();
	EVP_PKEY_free(peer);
	EVP_PKEY_CTX_free(ctx);
}

/* A TPMT_SIGNATURE of a digest. */
static void
sign(struct interposer *t, const uint8_t *digest, uint8_t ret[72])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(t->key, NULL);
	uint8_t der[80];
	const uint8_t *p = der;
	size_t len = sizeof(der);
	ECDSA_SIG *sig;

	if (EVP_PKEY_sign_init(ctx) != 1 ||
	    EVP_PKEY_sign(ctx, der, &len, digest, 32) != 1 ||
	    (sig = d2i_ECDSA_SIG(NULL, &p, (long)len)) == NULL)
		abort();
	memcpy(ret, "\0\30\0\13\0\40", 6);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret + 6, 32);
	memcpy(ret + 38, "\0\40", 2);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + 40, 32);
	ECDSA_SIG_free(sig);
	EVP_PKEY_CTX_free(ctx);
}

/* --- sessions salted to it --------------------------------------------- */

/* KDFe for a salt; KDFa. Both for 256 bits with SHA-256: one round. */
static void
kdfe(const uint8_t z[32], const uint8_t *u, const uint8_t *v, uint8_t ret[32])
{
	uint8_t bytes[4 + 32 + 7 + 32 + 32] = { 0, 0, 0, 1 };

	memcpy(bytes + 4, z, 32);
	memcpy(bytes + 36, "SECRET", 7);
	memcpy(bytes + 43, u + 2, 32);
	memcpy(bytes + 75, v + 2, 32);
	EVP_Digest(bytes, sizeof(bytes), ret, NULL, EVP_sha256(), NULL);
}

static void
kdfa(const uint8_t key[32], const char label[4], const uint8_t *u,
    const uint8_t *v, uint8_t ret[32])
{
	uint8_t in[4 + 4 + 32 + 32 + 4] = { 0, 0, 0, 1 };

	memcpy(in + 4, label, 4);
	memcpy(in + 8, u, 32);
	memcpy(in + 40, v, 32);
	put32(in + 72, 256);
	HMAC(EVP_sha256(), key, 32, in, sizeof(in), ret, NULL);
}

/* StartAuthSession: two handles, nonceCaller, encryptedSalt, ... */
static void
take_salt(struct interposer *t)
{
	const uint8_t *p = t->command.data + HEADER_LEN + 8;
	uint8_t z[32];

	t->knows_session = false;
	p += 2 + get16(p);
	if (get16(p) != POINT_LEN)
		return;
	agree(t, p + 2, z);
	kdfe(z, p + 2, t->point, t->salt);
}

/* Its answer: handle and nonceTPM. */
static void
take_session(struct interposer *t)
{
	const uint8_t *nonce_caller = t->command.data + HEADER_LEN + 8 + 2;

	if (!is_good(&t->answer) || get16(nonce_caller - 2) != 32)
		return;
	memcpy(t->nonce_tpm, t->answer.data + HEADER_LEN + 6, 32);
	kdfa(t->salt, "ATH", t->nonce_tpm, nonce_caller, t->session_key);
	t->knows_session = true;
}

/* What it can read of the first parameter, if that is encrypted. */
static void
read_parameter(struct interposer *t, const uint8_t *auth, size_t at)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t n = get16(t->command.data + at);
	uint8_t keys[32], out[256];
	int len;

	if (n > 0 && n <= sizeof(out)) {
		kdfa(t->session_key, "CFB", auth + 6, t->nonce_tpm, keys);
		EVP_DecryptInit_ex(
		    ctx, EVP_aes_128_cfb128(), NULL, keys, keys + 16);
		EVP_DecryptUpdate(
		    ctx, out, &len, t->command.data + at + 2, (int)n);
		/* inSensitive and newAuth begin alike: a length, a secret. */
		if (get16(out) <= 32)
			tell_hex("secret", out + 2, get16(out));
	}
	EVP_CIPHER_CTX_free(ctx);
}

/* Of the commands that are eavesdropped on. */
static size_t
n_handles(const struct message *command)
{
	return code_of(command) == TPM2_CC_NV_UndefineSpace ? 2 : 1;
}

/* One guess at a hierarchy's password, against what authorizes by it. */
static bool
is_right(struct interposer *t, const uint8_t *auth, size_t at,
    const char *guess, size_t guess_len)
{
	const uint8_t *c = t->command.data;
	uint8_t key[32 + 64], mac[32], in[97], to_hash[4096];
	size_t n = 8;

	memcpy(to_hash, c + 6, 4);		/* the command's code */
	memcpy(to_hash + 4, c + HEADER_LEN, 4); /* the hierarchy's Name */
	for (size_t i = 0; n_handles(&t->command) == 2 && i < t->n_indices; i++)
		if (memcmp(c + HEADER_LEN + 4, t->indices[i], 4) == 0) {
			memcpy(to_hash + n, t->indices[i] + 4, NAME_LEN);
			n += NAME_LEN;
			break;
		}
	memcpy(to_hash + n, c + at, t->command.len - at);
	n += t->command.len - at;
	EVP_Digest(to_hash, n, in, NULL, EVP_sha256(), NULL);
	memcpy(in + 32, auth + 6, 32);
	memcpy(in + 64, t->nonce_tpm, 32);
	in[96] = auth[38];
	memcpy(key, t->session_key, 32);
	memcpy(key + 32, guess, guess_len);
	HMAC(EVP_sha256(), key, (int)(32 + guess_len), in, 97, mac, NULL);
	return memcmp(mac, auth + 41, 32) == 0;
}

static void
guess(struct interposer *t, const uint8_t *auth, size_t at)
{
	FILE *f = open_file("guesses", "r");
	char line[64];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		size_t n = strcspn(line, "\n");

		line[n] = '\0';
		if (is_right(t, auth, at, line, n))
			tell("secret", line, "");
	}
	if (f != NULL)
		fclose(f);
}

/* A session's part of a command: handle, nonce, attributes, HMAC. */
static void
eavesdrop(struct interposer *t)
{
	const struct message *c = &t->command;
	const uint8_t *auth = c->data + HEADER_LEN + 4 + 4 * n_handles(c);
	size_t at;

	if (!t->knows_session || get16(c->data) != TPM2_ST_SESSIONS ||
	    auth[0] != 0x02 || get16(auth + 4) != 32)
		return;
	at = parameters_of(c->data, n_handles(c));
	if ((auth[38] & TPMA_SESSION_DECRYPT) != 0)
		read_parameter(t, auth, at);
	else if (c->data[HEADER_LEN] == 0x40)
		guess(t, auth, at);
	t->knows_session = false; /* for one command */
}

/* --- attacks ----------------------------------------------------------- */

static void
attack_parent(struct interposer *t)
{
	uint8_t *area, *point = find_point(&t->answer, &area);
	uint8_t name[NAME_LEN], own[NAME_LEN], genuine[POINT_LEN];

	if (point == NULL || !is_good(&t->answer))
		return;
	memcpy(genuine, point, POINT_LEN);
	name_of(area, point, name);
	memcpy(point, t->point, POINT_LEN);
	name_of(area, point, own);
	if (does(t, "parent-name"))
		memcpy(point, genuine, POINT_LEN);
	if (!does(t, "parent-point"))
		replace(&t->answer, name, own, NAME_LEN);
	t->altered = true;
}

/* False where the answer is to be left alone. */
static bool
refuse_guarded(struct interposer *t)
{
	if (!does(t, "unguarded") || get16(t->command.data) != TPM2_ST_SESSIONS)
		return true;
	t->refused = !t->refused;
	if (t->refused) {
		t->answer.len = 0;
		/* TPM_RC_BAD_AUTH, of the first session */
		add(&t->answer, "\x80\1\0\0\0\x0a\0\0\x09\xa2", 10);
		t->altered = true;
	}
	return false;
}

static void
attack_created_key(struct interposer *t)
{
	uint8_t *area, *point = find_point(&t->answer, &area);

	if (point == NULL || !is_good(&t->answer))
		return;
	save("genuine", point, POINT_LEN);
	memcpy(point, t->point, POINT_LEN);
	t->altered = true;
}

static void
attack_resident(struct interposer *t)
{
	uint8_t *area, *point = find_point(&t->answer, &area);

	if (point == NULL)
		return;
	memcpy(point, t->point, POINT_LEN);
	t->altered = true;
}

/* Its answer: TPM2B_NV_PUBLIC (size, index, ...), TPM2B_NAME. */
static void
attack_index(struct interposer *t)
{
	uint8_t *index = t->answer.data + HEADER_LEN + 2, *attributes;

	if (!is_good(&t->answer))
		return;
	if (t->n_indices < MAX_INDICES) {
		memcpy(t->indices[t->n_indices], index, 4);
		memcpy(t->indices[t->n_indices++] + 4,
		    t->answer.data + t->answer.len - NAME_LEN, NAME_LEN);
	}
	if (does(t, "nv-named")) {
		load("victim", t->answer.data + t->answer.len - NAME_LEN,
		    NAME_LEN);
		t->altered = true;
	}
	attributes = index + 4 + 2;
	if (does(t, "nv-told")) {
		put32(index, OTHER_INDEX);
		attributes[0] &= (uint8_t) ~(TPMA_NV_WRITTEN >> 24);
		t->altered = true;
	}
}

/* The Name of the key that a Load is about. */
static bool
name_in(struct message *command, uint8_t ret[NAME_LEN])
{
	uint8_t *area, *point = find_point(command, &area);

	if (point != NULL)
		name_of(area, point, ret);
	return point != NULL;
}

/* What is loaded in truth is what the TPM made. */
static void
load_genuine(struct interposer *t)
{
	uint8_t *area, *point = find_point(&t->command, &area);
	uint8_t genuine[POINT_LEN];

	if (point == NULL || load("genuine", genuine, POINT_LEN) != POINT_LEN)
		return;
	name_of(area, point, t->asked);
	memcpy(point, genuine, POINT_LEN);
	name_of(area, point, t->loaded);
	t->altered = t->disguised = true;
}

static void
load_other(struct interposer *t)
{
	static uint8_t kept[4096];
	struct message *c = &t->command;
	size_t at = parameters_of(c->data, 1),
	       n = load("loaded", kept, sizeof(kept));

	if (n == 0) {
		save("loaded", c->data + at, c->len - at);
		return;
	}
	if (!name_in(c, t->asked))
		return;
	c->len = at;
	add(c, kept, n);
	t->altered = t->disguised = name_in(c, t->loaded);
}

/* Where a session wants to be answered, there is one, made up. */
static void
say_loaded(struct interposer *t, bool plain)
{
	static const uint8_t nothing[96];
	const uint8_t *session = t->command.data + HEADER_LEN + 8;
	struct message *a = &t->answer;
	uint8_t name[NAME_LEN];

	if (!name_in(&t->command, name))
		return;
	a->len = 0;
	add(a, plain ? "\x80\1\0\0\0\0\0\0\0\0" : "\x80\2\0\0\0\0\0\0\0\0", 10);
	add(a, "\x80\xff\xff\0", 4);
	if (!plain)
		add(a, "\0\0\0\44", 4);
	add(a, "\0\42", 2);
	add(a, name, NAME_LEN);
	if (!plain && session[0] == 0x02) {
		add(a, "\0\40", 2);
		add(a, nothing, 32);
		add(a, "\1\0\40", 3);
		add(a, nothing, 32);
	} else if (!plain) {
		add(a, "\0\0\1\0\0", 5);
	}
	t->answered = true;
}

static void
sign_itself(struct interposer *t)
{
	const uint8_t *digest =
	    t->command.data + parameters_of(t->command.data, 1) + 2;
	struct message *a = &t->answer;

	if (!is_good(a)) {
		/* The TPM has no such key: make up all of it. */
		a->len = 0;
		add(a, "\x80\2\0\0\0\0\0\0\0\0\0\0\0\110", 14);
		add(a, t->point, 68);
		add(a, t->point, 4);
		add(a, "\0\0\1\0\0", 5);
	}
	sign(t, digest, a->data + HEADER_LEN + 4);
	t->altered = true;
}

/* The first answer is kept in a file of that name. */
static void
replay(struct interposer *t, const char *name)
{
	struct message *a = &t->answer;
	uint8_t kept[4096];
	size_t n = load(name, kept, sizeof(kept));

	if (!is_good(a))
		return;
	if (n == 0) {
		save(name, a->data, a->len);
		return;
	}
	memcpy(a->data, kept, n);
	a->len = n;
	t->altered = true;
}

static bool
in_session(const struct message *command)
{
	return get16(command->data) == TPM2_ST_SESSIONS;
}

static void
attack_command(struct interposer *t)
{
	switch (code_of(&t->command)) {
	case TPM2_CC_ReadPublic:
		if (does(t, "copy-other") && in_session(&t->command)) {
			put32(t->command.data + HEADER_LEN, SRK);
			t->altered = true;
		}
		break;
	case TPM2_CC_StartAuthSession:
		take_salt(t);
		if (does(t, "salt")) {
			uint8_t *p = t->command.data + HEADER_LEN + 8;

			memcpy(p + 2 + get16(p) + 2, t->point, POINT_LEN);
			t->altered = true;
		}
		break;
	case TPM2_CC_Load:
		if (does(t, "key"))
			load_genuine(t);
		if (does(t, "load-other"))
			load_other(t);
		if (does(t, "loaded") || does(t, "loaded-plain"))
			say_loaded(t, does(t, "loaded-plain"));
		break;
	case TPM2_CC_NV_UndefineSpace:
		if (does(t, "nv-removed")) {
			put32(t->command.data + HEADER_LEN + 4, OTHER_INDEX);
			t->altered = true;
		}
		break;
	}
	eavesdrop(t);
}

static void
put16(uint8_t *p, uint32_t n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

/* Header, handle if there is one, size of the parameters, these, the sessions.
 */
static void
strip(struct interposer *t)
{
	struct message *a = &t->answer;
	size_t at = HEADER_LEN, n;

	if (!is_good(a) || get16(a->data) != TPM2_ST_SESSIONS)
		return;
	if (code_of(&t->command) == TPM2_CC_CreatePrimary ||
	    code_of(&t->command) == TPM2_CC_Load)
		at += 4;
	n = get32(a->data + at);
	memmove(a->data + at, a->data + at + 4, n);
	put16(a->data, TPM2_ST_NO_SESSIONS);
	a->len = at + n;
	put32(a->data + 2, (uint32_t)a->len);
}

static void
attack_answer(struct interposer *t)
{
	switch (code_of(&t->command)) {
	case TPM2_CC_ReadPublic:
	case TPM2_CC_CreatePrimary:
		if (refuse_guarded(t) &&
		    (does(t, "parent") || does(t, "parent-point") ||
			does(t, "parent-name")))
			attack_parent(t);
		if (does(t, "copy") && in_session(&t->command))
			replay(t, "copy");
		break;
	case TPM2_CC_StartAuthSession:
		if (does(t, "session") && is_good(&t->answer)) {
			t->answer.data[HEADER_LEN + 6] ^= 1;
			t->altered = true;
		}
		take_session(t);
		break;
	case TPM2_CC_Create:
		if (does(t, "key"))
			attack_created_key(t);
		break;
	case TPM2_CC_Load:
		if (t->disguised && is_good(&t->answer))
			replace(&t->answer, t->loaded, t->asked, NAME_LEN);
		break;
	case TPM2_CC_Sign:
		if (does(t, "signature") || does(t, "key"))
			sign_itself(t);
		if (does(t, "replay"))
			replay(t, "signature");
		break;
	case TPM2_CC_ObjectChangeAuth:
		if (does(t, "changed") && is_good(&t->answer)) {
			t->answer.data[HEADER_LEN + 60] ^= 1;
			t->altered = true;
		}
		break;
	case TPM2_CC_NV_ReadPublic:
		attack_index(t);
		break;
	case TPM2_CC_NV_Read:
		if (does(t, "resident"))
			attack_resident(t);
		break;
	}
	if (t->altered && does(t, "stripped"))
		strip(t);
}

/* --- the TCTI ---------------------------------------------------------- */

static const char *
name_of_code(uint32_t code)
{
	static const struct {
		uint32_t code;
		const char *name;
	} names[] = {
		{ TPM2_CC_Create, "Create" },
		{ TPM2_CC_CreatePrimary, "CreatePrimary" },
		{ TPM2_CC_EvictControl, "EvictControl" },
		{ TPM2_CC_FlushContext, "FlushContext" },
		{ TPM2_CC_GetCapability, "GetCapability" },
		{ TPM2_CC_Load, "Load" },
		{ TPM2_CC_NV_DefineSpace, "NV_DefineSpace" },
		{ TPM2_CC_NV_Read, "NV_Read" },
		{ TPM2_CC_NV_ReadPublic, "NV_ReadPublic" },
		{ TPM2_CC_NV_UndefineSpace, "NV_UndefineSpace" },
		{ TPM2_CC_NV_Write, "NV_Write" },
		{ TPM2_CC_ObjectChangeAuth, "ObjectChangeAuth" },
		{ TPM2_CC_PolicyAuthValue, "PolicyAuthValue" },
		{ TPM2_CC_PolicyOR, "PolicyOR" },
		{ TPM2_CC_PolicyPCR, "PolicyPCR" },
		{ TPM2_CC_ReadPublic, "ReadPublic" },
		{ TPM2_CC_Sign, "Sign" },
		{ TPM2_CC_StartAuthSession, "StartAuthSession" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].code == code)
			return names[i].name;
	return "another";
}

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, uint8_t const *command)
{
	struct interposer *t = (struct interposer *)context;

	if (t->key == NULL) {
		load("attacks", t->attacks, sizeof(t->attacks) - 1);
		read_key(t);
	}
	t->command.len = 0;
	add(&t->command, command, size);
	t->answered = t->altered = t->fetched = t->disguised = false;
	attack_command(t);
	if (t->answered)
		return TSS2_RC_SUCCESS;
	return Tss2_Tcti_Transmit(
	    t->between.child, t->command.len, t->command.data);
}

static TSS2_RC
fetch(struct interposer *t, int32_t timeout)
{
	TSS2_RC rc;

	if (t->fetched)
		return TSS2_RC_SUCCESS;
	if (!t->answered) {
		t->answer.len = sizeof(t->answer.data);
		rc = Tss2_Tcti_Receive(
		    t->between.child, &t->answer.len, t->answer.data, timeout);
		if (rc != TSS2_RC_SUCCESS)
			return rc;
		attack_answer(t);
	}
	t->fetched = true;
	tell("record", name_of_code(code_of(&t->command)),
	    t->answered || t->altered ? "*" : "");
	return TSS2_RC_SUCCESS;
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	struct interposer *t = (struct interposer *)context;
	TSS2_RC rc = fetch(t, timeout);

	if (rc != TSS2_RC_SUCCESS)
		return rc;
	if (response != NULL && *size < t->answer.len)
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	*size = t->answer.len;
	if (response != NULL)
		memcpy(response, t->answer.data, t->answer.len);
	return TSS2_RC_SUCCESS;
}

static void
finalize(TSS2_TCTI_CONTEXT *context)
{
	struct interposer *t = (struct interposer *)context;

	EVP_PKEY_free(t->key);
	between_finalize(context);
}

BETWEEN(struct interposer, "an attacker between a program and its TPM",
    transmit, receive, finalize);
