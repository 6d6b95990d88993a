/* SPDX-License-Identifier: ISC */
/*
 * The work of an authenticator, in FIDO's words: make a credential, make an
 * assertion with one. Knows nothing of OpenSSH's structures.
 */
#ifndef SKTPM_CREDENTIAL_H
#define SKTPM_CREDENTIAL_H

#include "config.h"
#include "authenticator/authdata.h"
#include "key/limits.h"

/* Longest application (FIDO's RP id) taken, in bytes. */
#define CREDENTIAL_MAX_APPLICATION 1024

struct credential_request {
	const char *application;
	struct slice challenge;
	const char *pin;	     /* with verification; NULL if not given */
	bool presence;		     /* its signatures shall need a person */
	bool verification;	     /* its signatures shall need its PIN */
	bool pin_was_repeated;	     /* by whoever typed it; not to ask again */
	bool attestation;	     /* worth asking a person for */
	const struct limits *limits; /* NULL: none */
	bool resident;		     /* keep it in the TPM as well */
	bool overwrite;		     /* replace a resident key of that name */
	const char *user;	     /* of a resident key; NULL: none */
};

struct credential {
	struct ec_point point;
	struct bytes key_handle;
	/* Packed self attestation; both empty where nobody was asked. */
	struct bytes authdata;	/* wrapped as a CBOR byte string */
	struct bytes signature; /* DER */
};

struct assertion_request {
	const char *application;
	struct slice message;
	struct slice key_handle;
	const char *pin;   /* NULL if not given */
	bool presence;	   /* ask for a person, though the key may not */
	bool verification; /* the key was made to need its PIN */
};

struct assertion {
	uint8_t flags; /* FIDO_FLAG_UP, _UV as had; counter: FIDO_COUNTER */
	struct ec_signature signature;
};

/*
 * For a resident key where the TPM has an owner password: `pin` is that
 * password if the key gets no PIN; else it is asked for.
 *
 * 0 or any FAIL_; FAIL_PIN_REQUIRED asks for another call with a (better)
 * PIN. The caller ends *ret with credential_reset.
 */
int credential_make(const struct config *cfg,
    const struct credential_request *req, struct credential *ret) MUST_CHECK;

/*
 * 0 or any FAIL_; the signature in *ret was verified. Without the PIN of a
 * key that has one: FAIL_PIN_REQUIRED, after
 * credential_check_tries.
 */
int credential_assert(const struct config *cfg,
    const struct assertion_request *req, struct assertion *ret) MUST_CHECK;

/*
 * Before a person is asked for the PIN of a key: whether one may be tried, as
 * lockout_check has it, with one command. 0, FAIL_LOCKOUT, FAIL_LAST_TRY or
 * what keeps the TPM from answering.
 */
int credential_check_tries(const struct config *cfg) MUST_CHECK;

/*
 * Has the key sign random bytes and verifies that; nothing comes out, so it
 * needs nobody's presence, and no limit forbids it. 0 or any FAIL_.
 */
int credential_test(const struct config *cfg, struct slice key_handle,
    const char *pin) MUST_CHECK;

/*
 * Gives a key that has a PIN another one; *ret_key_handle signs with the new
 * PIN, which was tried. The old key handle goes on signing with the old PIN.
 * 0 or any FAIL_; FAIL_UNSUPPORTED for a key without PIN.
 */
int credential_change_pin(const struct config *cfg, struct slice key_handle,
    const char *old_pin, const char *new_pin,
    struct bytes *ret_key_handle) MUST_CHECK;

/* A resident key as the TPM gives it back. */
struct resident_credential {
	struct ec_point point;
	struct bytes key_handle;
	char *application;
	struct bytes user;
	bool presence;	   /* its signatures need a person */
	bool verification; /* its signatures need its PIN */
};

struct resident_credentials {
	struct resident_credential *creds;
	size_t n;
};

/*
 * All resident keys that can be read; of others a line says why. The caller
 * ends *ret with resident_credentials_reset. 0 or any FAIL_.
 */
int credential_list(
    const struct config *cfg, struct resident_credentials *ret) MUST_CHECK;

void resident_credentials_reset(struct resident_credentials *list);

void credential_reset(struct credential *cred);

#endif
