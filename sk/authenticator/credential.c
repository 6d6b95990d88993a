/* SPDX-License-Identifier: ISC */
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "attest/guard.h"
#include "authenticator/credential.h"
#include "authenticator/limits-check.h"
#include "authenticator/persistent-credential.h"
#include "authenticator/pin-lifetime.h"
#include "authenticator/resident-credential.h"
#include "authenticator/use.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/log.h"
#include "key/boot-state.h"
#include "key/key.h"
#include "key/pin-object.h"
#include "key/sign-pin-object.h"
#include "key/sign.h"
#include "ssh/key-name.h"
#include "ssh/signdata.h"
#include "tpm/lockout.h"
#include "tpm/owner.h"
#include "tpm/pcr-read.h"
#include "tpm/tpm.h"
#include "user/pin.h"
#include "user/presence.h"

_Static_assert(HANDLE_SALT_LEN == PIN_SALT_LEN, "handles salt PINs");

static int
check_application(const char *application)
{
	size_t len;

	if (application == NULL || application[0] == '\0')
		return fail(FAIL_ARGUMENT,
		    "the application is empty; it has to begin with ssh:");
	if ((len = strlen(application)) > CREDENTIAL_MAX_APPLICATION)
		return fail(FAIL_ARGUMENT,
		    "the application has %zu bytes, and %d is the most", len,
		    CREDENTIAL_MAX_APPLICATION);
	return 0;
}

static int
check_not_empty(struct slice s, const char *what)
{
	if (s.data == NULL || s.len == 0)
		return fail(FAIL_ARGUMENT, "the %s is empty", what);
	return 0;
}

static enum lockout_last_try
last_try_of(const struct config *cfg)
{
	return cfg->spend_last_try ? LOCKOUT_SPEND_LAST_TRY
				   : LOCKOUT_KEEP_LAST_TRY;
}

/* An agent that runs has its environment; a file is read at each signature. */
static int
say_how_to_spend(int r)
{
	char *path;

	if (r != FAIL_LAST_TRY)
		return r;
	path = config_own_path();
	r = fail(FAIL_LAST_TRY,
	    "%s; wait, or if you are sure of the PIN, put \"SpendLastTry yes\" "
	    "into %s, or without an agent SK_TPM_SPEND_LAST_TRY=yes in front of "
	    "the command",
	    log_cause(), path != NULL ? path : "/etc/ssh/sk-tpm.conf");
	free(path);
	return r;
}

int
credential_check_ready(
    struct tpm *tpm, const struct config *cfg, const struct handle *h)
{
	struct lockout state;
	int r;

	if ((r = boot_state_check(tpm, h)) != 0 ||
	    h->auth == HANDLE_AUTH_NONE || (r = lockout_read(tpm, &state)) != 0)
		return r;
	return say_how_to_spend(lockout_check(&state, last_try_of(cfg)));
}

struct signing {
	const char *tcti;
	const struct checked_key *key;
	struct slice auth_value;
	enum lockout_last_try last_try; /* of the PIN */
	uint32_t pin_lifetime; /* seconds for which a ticket is wanted; or 0 */
	struct slice ticket;   /* one that stands for the PIN; or empty */
	uint8_t digest[SHA256_LEN];
	/* The results: */
	struct ec_signature signature;
	struct bytes new_ticket; /* for the PIN, where one was wanted */
};

static int
sign_once(struct tpm *tpm, void *what)
{
	struct signing *s = what;
	int r;

	if (s->ticket.len > 0)
		return key_sign_with_ticket(
		    tpm, s->key, s->ticket, s->digest, &s->signature);
	if (s->key->handle->auth == HANDLE_AUTH_NONE)
		return key_sign(
		    tpm, s->key, s->auth_value, s->digest, &s->signature);
	if ((r = lockout_begin_try(tpm, s->tcti, s->last_try)) != 0)
		return say_how_to_spend(r);
	if (s->pin_lifetime > 0)
		r = key_sign_for_ticket(tpm, s->key, s->auth_value,
		    s->pin_lifetime, s->digest, &s->signature, &s->new_ticket);
	else
		r = key_sign(
		    tpm, s->key, s->auth_value, s->digest, &s->signature);
	return lockout_end_try(tpm, r);
}

/* No signature is handed on unverified, whatever answered as a TPM. */
static int
sign(struct signing *s)
{
	int r;

	if ((r = tpm_with(s->tcti, sign_once, s)) != 0)
		return r;
	return p256_verify(&s->key->point, s->digest, &s->signature);
}

/* --- making ------------------------------------------------------------ */

/* To open the TPM shows that it is there; and whether PINs can have a lifetime.
 */
static int
find_tpm(struct tpm *tpm, void *what)
{
	const uint32_t *pin_lifetime = what;

	return *pin_lifetime > 0 ? pin_object_check_tpm(tpm) : 0;
}

/*
 * Comes before every question: a caller without a PIN asks for one and calls
 * again, and the person would have to answer twice. Where there is no TPM, they
 * need not choose one.
 */
static int
check_new_pin(const struct config *cfg, const struct credential_request *req)
{
	uint32_t pin_lifetime = pin_lifetime_for_new(cfg, req->flags);
	int r;

	if ((req->flags & CREDENTIAL_VERIFICATION) == 0)
		return 0;
	if (pin_is_given(req->pin))
		return pin_check_new(req->pin);
	if ((r = tpm_with(cfg->tcti, find_tpm, &pin_lifetime)) != 0)
		return r;
	return fail(FAIL_PIN_REQUIRED,
	    "the new key gets a PIN of its own; choose one of at least %d "
	    "characters",
	    PIN_MIN_CHARACTERS);
}

/* The salt and the authValue of a new key; empty for one without a PIN. */
static int
make_auth_value(const struct config *cfg, const struct credential_request *req,
    uint8_t ret_salt[HANDLE_SALT_LEN], struct bytes *ret)
{
	int r;

	if ((req->flags & CREDENTIAL_VERIFICATION) == 0)
		return 0;
	if ((req->flags & CREDENTIAL_PIN_REPEATED) == 0 &&
	    (r = presence_confirm_pin(cfg, req->pin)) != 0)
		return r;
	if (RAND_bytes(ret_salt, HANDLE_SALT_LEN) != 1)
		return fail(FAIL_INTERNAL, "no random numbers");
	return pin_auth_value(req->pin, ret_salt, ret);
}

/*
 * Asks whether a person is there, where that is of use and possible. A key that
 * will need nobody is made without asking, unless its attestation is wanted.
 */
static int
find_maker(const struct config *cfg, const struct credential_request *req,
    bool *ret_present)
{
	struct presence_question question = {
		.pin_entered = (req->flags & CREDENTIAL_VERIFICATION) != 0,
	};
	int r;

	*ret_present = false;
	if ((req->flags &
		(CREDENTIAL_PRESENCE | CREDENTIAL_VERIFICATION |
		    CREDENTIAL_ATTESTATION)) == 0 &&
	    cfg->user_presence != USER_PRESENCE_ASSUME)
		return 0;
	text_add(&question.words,
	    "Make a new SSH key in this computer's security chip (TPM)");
	if (strcmp(req->application, "ssh:") != 0) {
		text_add(&question.words, ", for ");
		text_add_quoted(
		    &question.words, slice_of_text(req->application), 64);
	}
	r = presence_require(cfg, &question);
	if (r == FAIL_PRESENCE)
		return 0;
	*ret_present = r == 0;
	return r;
}

/* Whether a person is asked something in this call. */
static bool
asks_somebody(const struct config *cfg, const struct credential_request *req)
{
	const bool gets_pin = (req->flags & CREDENTIAL_VERIFICATION) != 0;

	return (gets_pin && (req->flags & CREDENTIAL_PIN_REPEATED) == 0) ||
	    ((req->flags & (CREDENTIAL_PRESENCE | CREDENTIAL_ATTESTATION)) !=
		    0 &&
		presence_asks(cfg, gets_pin));
}

enum owner_state {
	OWNER_UNKNOWN,
	OWNER_FREE, /* has no password */
	OWNER_PASSWORD,
};

struct making {
	const struct config *cfg;
	const struct credential_request *req;
	struct key_wishes wishes;
	struct owner_password owner;
	bool looked; /* at the TPM, before somebody was asked */
	enum owner_state owner_state;
	bool present;
	struct credential cred; /* the result */
	struct handle stray;	/* of a key that failed, and may have a copy */
};

/* Once for a key, and only for one of which the TPM keeps something. */
static int
look_at_owner(struct tpm *tpm, struct making *m)
{
	const unsigned int kept = CREDENTIAL_RESIDENT | CREDENTIAL_PERSISTENT;
	bool has_password;
	int r;

	if ((m->req->flags & kept) == 0 || m->owner_state != OWNER_UNKNOWN)
		return 0;
	if ((r = owner_has_password(tpm, &has_password)) == 0)
		m->owner_state = has_password ? OWNER_PASSWORD : OWNER_FREE;
	return r;
}

/* A connection alone shows that there is a TPM. */
static int
look(struct tpm *tpm, void *what)
{
	uint8_t unused[PCR_COUNT][PCR_LEN];
	struct making *m = what;
	int r;

	if ((r = pcr_read_for_key(tpm, m->req->pcrs, unused)) == 0 &&
	    (r = look_at_owner(tpm, m)) == 0 &&
	    (r = resident_credential_look(tpm, m->req)) == 0 &&
	    (r = persistent_credential_look(tpm, m->req)) == 0)
		m->looked = true;
	return r;
}

/* Before a PIN is asked for. */
static int
look_and_find(struct tpm *tpm, void *what)
{
	const struct making *m = what;
	uint32_t pin_lifetime = pin_lifetime_for_new(m->cfg, m->req->flags);
	int r;

	if ((r = find_tpm(tpm, &pin_lifetime)) != 0)
		return r;
	return look(tpm, what);
}

int
credential_look(const struct config *cfg, const struct credential_request *req)
{
	struct making m = { .cfg = cfg, .req = req };

	return guard_with(cfg, look_and_find, &m);
}

/* The PIN that the key was just made with is not wrong; the TPM may be locked.
 */
static int
explain_lockout(struct tpm *tpm, int r)
{
	struct lockout state;
	int why;

	if (r != FAIL_LOCKOUT || lockout_read(tpm, &state) != 0)
		return r;
	why = lockout_check(&state, LOCKOUT_SPEND_LAST_TRY);
	return why != 0 ? why : r;
}

/*
 * Signs the attestation of the new key, which also proves that the key works
 * before anybody relies on it. libfido2 takes no attestation without UP, so
 * none is handed out where nobody was asked.
 */
static int
prove(struct tpm *tpm, const struct making *m, const struct checked_key *key,
    struct key_tools *tools, struct credential *cred)
{
	uint8_t flags = m->present ? FIDO_FLAG_UP : 0;
	struct ec_signature signature;
	struct bytes authdata = { 0 };
	uint8_t digest[SHA256_LEN];
	int r;

	if (key->handle->auth != HANDLE_AUTH_NONE)
		flags |= FIDO_FLAG_UV;
	if ((r = fido_authenticator_data(m->req->application, flags,
		 bytes_slice(&cred->key_handle), &key->point, &authdata)) !=
		0 ||
	    (r = fido_attestation_digest(
		 bytes_slice(&authdata), m->req->challenge, digest)) != 0 ||
	    (r = explain_lockout(tpm,
		 key_prove(tpm, key, tools, m->wishes.auth_value, digest,
		     &signature))) != 0 ||
	    (r = p256_verify(&key->point, digest, &signature)) != 0)
		goto out;
	if (m->present &&
	    (r = p256_signature_der(&signature, &cred->signature)) == 0)
		r = fido_wrap_authdata(bytes_slice(&authdata), &cred->authdata);
out:
	bytes_reset(&authdata);
	/* What was never on a disk cannot have been damaged there. */
	if (r == FAIL_HANDLE || r == FAIL_OTHER_TPM || r == FAIL_WRONG_PIN)
		r = fail(FAIL_FORGED,
		    "the TPM does not recognise the key it has just made");
	return r;
}

/* A person has to be asked for the owner's password, without a connection. */
#define OWNER_WANTED 1

/*
 * What comes before a key is made: where nobody has looked yet, what there is
 * to look at. 0, OWNER_WANTED or any FAIL_.
 */
static int
begin(struct tpm *tpm, struct making *m, struct resident_listing *ret)
{
	int r;

	if (!m->looked &&
	    ((r = persistent_credential_look(tpm, m->req)) != 0 ||
		(r = look_at_owner(tpm, m)) != 0))
		return r;
	if (m->owner_state == OWNER_PASSWORD && m->owner.secret.len == 0)
		return OWNER_WANTED;
	return resident_credential_begin(tpm, m->req, m->looked, ret);
}

/* All that is done with the TPM, in one connection. As begin. */
static int
make_in_tpm(struct tpm *tpm, void *what)
{
	struct key_tools tools = KEY_TOOLS_NONE;
	struct resident_listing listing = { 0 };
	struct making *m = what;
	struct credential cred = { 0 };
	struct handle h = { 0 };
	struct checked_key key;
	int r;

	if ((r = begin(tpm, m, &listing)) != 0 ||
	    (r = key_create(tpm, &m->wishes, &tools, &h, &key)) != 0 ||
	    (r = handle_encode(&h, &cred.key_handle)) != 0 ||
	    (r = prove(tpm, m, &key, &tools, &cred)) != 0)
		goto out;
	/* After the proof: what is attested has no authValue in it. */
	key_tools_end(tpm, &tools);
	if ((r = persistent_credential_keep(
		 tpm, m->req, &h, &m->owner, &cred.key_handle)) != 0)
		goto out;
	if ((r = resident_credential_keep(tpm, m->req, &listing,
		 bytes_slice(&cred.key_handle), &m->owner)) != 0)
		goto out;
	cred.point = key.point;
	m->cred = cred;
	cred = (struct credential){ 0 };
out:
	key_tools_end(tpm, &tools);
	resident_listing_reset(tpm, &listing);
	credential_reset(&cred);
	if (r != 0 && h.persistent != 0) {
		m->stray = h;
		h = (struct handle){ 0 };
	}
	handle_reset(&h);
	return r;
}

static int
evict_stray(struct tpm *tpm, void *what)
{
	const struct making *m = what;

	return persistent_credential_undo(tpm, &m->stray, &m->owner);
}

/*
 * In another connection: what failed may have been the first one. Returns r,
 * with its cause.
 */
static int
clean_up(struct making *m, int r)
{
	struct text cause = { 0 };

	if (m->stray.persistent == 0)
		return r;
	text_add(&cause, "%s", log_cause());
	if (guard_with(m->cfg, evict_stray, m) != 0)
		log_info("a persistent key may be left at 0x%08x; if sk-tpm "
			 "list has it, sk-tpm evict removes it",
		    m->stray.persistent);
	handle_reset(&m->stray);
	return fail(r, "%s", cause.s);
}

/* What a person is asked; nobody has the TPM meanwhile. */
static int
ask(struct making *m, struct bytes *ret_auth_value)
{
	int r;

	if (m->owner_state == OWNER_PASSWORD &&
	    (r = owner_password_for_key(m->cfg, m->req, &m->owner)) != 0)
		return r;
	if ((r = make_auth_value(
		 m->cfg, m->req, m->wishes.pin_salt, ret_auth_value)) != 0)
		return r;
	return find_maker(m->cfg, m->req, &m->present);
}

static int
make(struct making *m)
{
	int r;

	r = guard_with(m->cfg, make_in_tpm, m);
	if (r == OWNER_WANTED &&
	    (r = owner_password_for_key(m->cfg, m->req, &m->owner)) == 0)
		r = guard_with(m->cfg, make_in_tpm, m);
	return clean_up(m, r);
}

int
credential_make(const struct config *cfg, const struct credential_request *req,
    struct credential *ret)
{
	struct bytes auth_value = { 0 };
	struct making m = {
		.cfg = cfg,
		.req = req,
		.wishes = {
			.parent = cfg->parent,
			.limits = req->limits,
			.presence = (req->flags & CREDENTIAL_PRESENCE) != 0,
			.pcrs = req->pcrs,
			.pin_lifetime = pin_lifetime_for_new(cfg, req->flags),
		},
	};
	int r;

	if ((r = check_application(req->application)) != 0 ||
	    (r = check_not_empty(req->challenge, "challenge")) != 0 ||
	    (r = sha256_text(req->application, m.wishes.application)) != 0 ||
	    (r = check_new_pin(cfg, req)) != 0 ||
	    (asks_somebody(cfg, req) && (r = guard_with(cfg, look, &m)) != 0) ||
	    (r = ask(&m, &auth_value)) != 0)
		goto out;
	m.wishes.auth_value = bytes_slice(&auth_value);
	if ((r = make(&m)) == 0)
		*ret = m.cred;
out:
	owner_password_reset(&m.owner);
	bytes_reset(&auth_value);
	return r;
}

/* --- testing and changing ---------------------------------------------- */

/* The authValue of the PIN that a key needs; empty for one without. */
static int
find_auth_value(const struct handle *h, const char *pin, struct bytes *ret)
{
	if (h->auth == HANDLE_AUTH_NONE)
		return 0;
	if (!pin_is_given(pin))
		return fail(FAIL_PIN_REQUIRED, "this key needs its PIN");
	return pin_auth_value(pin, h->pin_salt, ret);
}

int
credential_test(
    const struct config *cfg, struct slice key_handle, const char *pin)
{
	struct bytes auth_value = { 0 };
	struct handle h = { 0 };
	struct checked_key key;
	struct signing s = {
		.tcti = cfg->tcti,
		.key = &key,
		.last_try = last_try_of(cfg),
	};
	int r;

	if (RAND_bytes(s.digest, sizeof(s.digest)) != 1)
		return fail(FAIL_INTERNAL, "no random numbers");
	if ((r = handle_decode(key_handle, &h)) != 0)
		return r;
	if ((r = find_auth_value(&h, pin, &auth_value)) == 0 &&
	    (r = key_check(&h, &key)) == 0) {
		s.auth_value = bytes_slice(&auth_value);
		r = sign(&s);
	}
	bytes_reset(&auth_value);
	handle_reset(&h);
	return r;
}

/* Gives *h the new authValue, and has it sign with that once. */
static int
change_and_prove(struct tpm *tpm, struct handle *h, struct slice old_auth,
    struct slice new_auth)
{
	struct key_tools tools = KEY_TOOLS_NONE;
	uint8_t digest[SHA256_LEN];
	struct bytes private = { 0 };
	struct ec_signature sig;
	struct checked_key key;
	int r;

	if (RAND_bytes(digest, sizeof(digest)) != 1)
		return fail(FAIL_INTERNAL, "no random numbers");
	if ((r = key_check(h, &key)) == 0 &&
	    (r = key_change_auth(
		 tpm, &key, old_auth, new_auth, &tools, &private)) == 0) {
		bytes_move(&private,
		    h->auth == HANDLE_AUTH_PIN_OBJECT ? &h->pin_object_private
						      : &h->tpm_private);
		r = key_prove(tpm, &key, &tools, new_auth, digest, &sig);
	}
	key_tools_end(tpm, &tools);
	return r != 0 ? r : p256_verify(&key.point, digest, &sig);
}

int
credential_check_has_pin(const struct handle *h)
{
	if (h->auth != HANDLE_AUTH_NONE)
		return 0;
	return fail(FAIL_UNSUPPORTED,
	    "this key was made without a PIN, and the TPM would not count "
	    "wrong ones for it; make a new key with a PIN");
}

int
credential_change_pin(struct tpm *tpm, const struct config *cfg,
    struct slice key_handle, const char *old_pin, const char *new_pin,
    struct bytes *ret_key_handle)
{
	struct bytes old_auth = { 0 }, new_auth = { 0 };
	struct handle h = { 0 };
	int r;

	if ((r = handle_decode(key_handle, &h)) != 0)
		return r;
	/* A persistent copy goes on with the old PIN. */
	h.persistent = 0;
	if ((r = credential_check_has_pin(&h)) != 0 ||
	    (r = find_auth_value(&h, old_pin, &old_auth)) != 0 ||
	    (r = pin_check_new(new_pin)) != 0 ||
	    (r = pin_auth_value(new_pin, h.pin_salt, &new_auth)) != 0 ||
	    (r = say_how_to_spend(
		 lockout_begin_try(tpm, cfg->tcti, last_try_of(cfg)))) != 0)
		goto out;
	r = lockout_end_try(tpm,
	    change_and_prove(
		tpm, &h, bytes_slice(&old_auth), bytes_slice(&new_auth)));
	if (r == 0)
		r = handle_encode(&h, ret_key_handle);
out:
	bytes_reset(&old_auth);
	bytes_reset(&new_auth);
	handle_reset(&h);
	return r;
}

/* --- asserting --------------------------------------------------------- */

struct asserting {
	const struct config *cfg;
	const struct assertion_request *req;
	struct handle h;
	struct checked_key key;	  /* of h */
	struct request what;	  /* is to be signed */
	struct pin_ticket ticket; /* in place of the PIN; or empty */
	bool agreed;		  /* a person has been asked about it */
	uint8_t flags;		  /* of the signature, once they are known */
	bool by_ticket;		  /* the signature is */
};

/*
 * Whether a person has to be there is the key's to say. The caller's word,
 * which is a byte in a file that anybody may have written, only adds to it.
 */
static bool
needs_presence(const struct asserting *a)
{
	return (a->req->flags & CREDENTIAL_PRESENCE) != 0 || a->h.presence;
}

static bool
has_pin(const struct asserting *a)
{
	return a->h.auth != HANDLE_AUTH_NONE;
}

static bool
has_ticket(const struct asserting *a)
{
	return a->ticket.tpm.len > 0;
}

/* What the PIN is good for besides this request, or was before it. */
static void
add_lifetime(const struct asserting *a, struct text *words)
{
	uint32_t seconds = pin_lifetime_of(a->cfg, &a->h);

	if (has_ticket(a)) {
		text_add(words, ", by the PIN that was entered ");
		duration_add(
		    words, (uint32_t)(pin_ticket_now() - a->ticket.made));
		text_add(words, " ago");
	} else if (seconds > 0) {
		text_add(words, ", and let its PIN count for ");
		duration_add(words, seconds);
	}
}

static void
make_question(struct asserting *a, struct presence_question *ret)
{
	*ret =
	    (struct presence_question){ .words = *request_describe(&a->what) };
	add_lifetime(a, &ret->words);
	key_name_add(&ret->key, &a->key.point, a->req->application);
	use_add_asker(&ret->asker);
}

static int
check_ready(struct tpm *tpm, void *what)
{
	const struct asserting *a = what;

	return credential_check_ready(tpm, a->cfg, &a->h);
}

/*
 * Before a person is asked anything: a PIN is of no use where none may be
 * tried, nor any answer where the machine has not booted as the key wants it.
 * And before the PIN, a person has to know what is about to be signed with it.
 * A UserPresence that shows it by itself does so when the PIN is there; a
 * finger's reader does not.
 */
static int
prepare_for_person(struct asserting *a)
{
	struct presence_question question;
	int r;

	if (has_pin(a) ? pin_is_given(a->req->pin)
		       : a->h.pcrs == 0 || !needs_presence(a))
		return 0;
	if ((r = tpm_with(a->cfg->tcti, check_ready, a)) != 0 || !has_pin(a))
		return r;
	if (a->agreed ||
	    (needs_presence(a) && a->cfg->user_presence != USER_PRESENCE_AUTO &&
		a->cfg->user_presence != USER_PRESENCE_FPRINTD))
		return 0;
	make_question(a, &question);
	return presence_before_pin(a->cfg, &question);
}

/* The key file's word has to agree with the key about the PIN. */
static int
take_given_pin(const struct asserting *a, struct bytes *ret)
{
	if ((a->req->flags & CREDENTIAL_VERIFICATION) != 0 && !has_pin(a))
		return fail(FAIL_ARGUMENT,
		    "the key file says verify-required, but the key has no "
		    "PIN, and cannot get one; take that back with "
		    "ssh-keygen -p -O no-verify-required (OpenSSH 10.5), or "
		    "restore the key file");
	return find_auth_value(&a->h, a->req->pin, ret);
}

/*
 * The flags of the signature: what was found out in this very call, or within
 * the lifetime of a PIN. As with CTAP 2.1's pinUvAuthToken, who asks from a
 * terminal within that time is the person who entered it. An agent passes on
 * requests from everywhere, so it does not count as that.
 */
static int
find_signer(struct asserting *a, uint8_t *ret_flags)
{
	struct presence_question question;
	int r;

	/* The TPM does not sign with a wrong PIN, so UV is true. */
	*ret_flags = has_pin(a) ? FIDO_FLAG_UV : 0;
	if (!needs_presence(a) && (!has_pin(a) || has_ticket(a)))
		return 0;
	make_question(a, &question);
	if (!needs_presence(a))
		return presence_with_pin(a->cfg, &question);
	question.pin_entered = has_pin(a) &&
	    (has_ticket(a) ? presence_is_at_terminal()
			   : presence_request_is_known());
	if ((r = presence_require(a->cfg, &question)) != 0)
		return r;
	*ret_flags |= FIDO_FLAG_UP;
	return 0;
}

/*
 * An agent says "agent refused operation" to the program that asked it, and
 * nothing to the person, who has to know what has become of their PIN. Returns
 * r, with its cause.
 */
static int
tell_of_pin(const struct config *cfg, int r)
{
	const char *remedy = error_remedy(r);
	struct text cause = { 0 }, words = { 0 };

	if (r != FAIL_WRONG_PIN && r != FAIL_LAST_TRY && r != FAIL_LOCKOUT)
		return r;
	text_add(&cause, "%s", log_cause());
	text_add(&words, "%s%s%s", cause.s, remedy != NULL ? "; " : "",
	    remedy != NULL ? remedy : "");
	presence_tell(cfg, words.s);
	return fail(r, "%s", cause.s);
}

static void
tell_of_use(struct asserting *a, int result)
{
	const struct use use = {
		.point = a->key.handle != NULL ? &a->key.point : NULL,
		.application = a->req->application,
		.what = &a->what,
		.flags = a->flags,
		.by_ticket = a->by_ticket,
		.result = result,
	};

	use_tell(a->cfg, &use);
}

/* The cause of `r` stays the one to tell. */
static void
forget_ticket(const struct handle *h, int r)
{
	struct text cause = { 0 };

	text_add(&cause, "%s", log_cause());
	if (pin_lifetime_forget(h) != 0)
		fail(r, "%s", cause.s);
}

/* Finds out who signs, and signs: with what is in *s. */
static int
sign_request(struct asserting *a, struct signing *s, struct assertion *ret)
{
	const struct assertion_request *req = a->req;
	int r;

	if ((r = find_signer(a, &a->flags)) != 0 ||
	    (r = fido_assertion_digest(
		 req->application, a->flags, req->message, s->digest)) != 0)
		return r;
	a->agreed = (a->flags & FIDO_FLAG_UP) != 0;
	if ((r = sign(s)) == 0)
		*ret = (struct assertion){ a->flags, s->signature };
	/* One that only met a TPM which is busy may be good the next time. */
	else if (has_ticket(a) && (r == FAIL_TICKET || r == FAIL_FORGED))
		forget_ticket(&a->h, r);
	return r;
}

static int
assert_by_ticket(struct asserting *a, struct assertion *ret)
{
	struct signing s = {
		.tcti = a->cfg->tcti,
		.key = &a->key,
		.ticket = bytes_slice(&a->ticket.tpm),
	};
	int r = sign_request(a, &s, ret);

	a->by_ticket = r == 0;
	pin_ticket_reset(&a->ticket);
	return r;
}

/* Keeps the ticket that the TPM gives for a PIN with a lifetime. */
static int
assert_by_pin(struct asserting *a, struct assertion *ret)
{
	struct signing s = {
		.tcti = a->cfg->tcti,
		.key = &a->key,
		.last_try = last_try_of(a->cfg),
		.pin_lifetime = pin_lifetime_of(a->cfg, &a->h),
	};
	struct pin_ticket ticket = { .seconds = s.pin_lifetime };
	struct bytes auth_value = { 0 };
	int r;

	if ((r = prepare_for_person(a)) != 0 ||
	    (r = take_given_pin(a, &auth_value)) != 0)
		goto out;
	s.auth_value = bytes_slice(&auth_value);
	ticket.made = pin_ticket_now();
	if ((r = sign_request(a, &s, ret)) != 0)
		goto out;
	bytes_move(&s.new_ticket, &ticket.tpm);
	pin_lifetime_keep(&a->h, &ticket);
out:
	pin_ticket_reset(&ticket);
	bytes_reset(&s.new_ticket);
	bytes_reset(&auth_value);
	return r;
}

static int
assert_with(struct asserting *a, struct assertion *ret)
{
	int r;

	request_parse(a->req->message, &a->what);
	if (log_shows(LOG_LEVEL_DEBUG))
		log_debug("request: %s", request_describe(&a->what)->s);
	/* An altered handle is refused before a person is asked anything. */
	if ((r = key_check(&a->h, &a->key)) != 0 ||
	    (r = handle_check_application(&a->h, a->req->application)) != 0 ||
	    (r = limits_check(&a->h.limits, &a->what)) != 0)
		goto out;
	r = FAIL_TICKET; /* there is none */
	if (!pin_is_given(a->req->pin) &&
	    pin_lifetime_find(a->cfg, &a->h, &a->ticket))
		r = assert_by_ticket(a, ret);
	if (r == FAIL_TICKET)
		r = assert_by_pin(a, ret);
out:
	tell_of_use(a, r);
	return tell_of_pin(a->cfg, r);
}

int
credential_assert(const struct config *cfg, const struct assertion_request *req,
    struct assertion *ret)
{
	struct asserting a = { .cfg = cfg, .req = req };
	int r;

	if ((r = check_application(req->application)) != 0 ||
	    (r = check_not_empty(req->message, "message to sign")) != 0 ||
	    (r = check_not_empty(req->key_handle, "key handle")) != 0 ||
	    (r = handle_decode(req->key_handle, &a.h)) != 0)
		return r;
	r = assert_with(&a, ret);
	handle_reset(&a.h);
	return r;
}

void
credential_reset(struct credential *cred)
{
	bytes_reset(&cred->key_handle);
	bytes_reset(&cred->authdata);
	bytes_reset(&cred->signature);
	*cred = (struct credential){ 0 };
}
