/* SPDX-License-Identifier: ISC */
/*
 * The work of an authenticator, in FIDO's words: make a credential, make an
 * assertion with one. Knows nothing of OpenSSH's structures.
 */
#ifndef SKTPM_CREDENTIAL_H
#define SKTPM_CREDENTIAL_H

#include "authenticator/authdata.h"
#include "authenticator/credential-request.h"
#include "config.h"
#include "key/handle.h"
#include "tpm/tpm.h"

/* Longest application (FIDO's RP id) taken, in bytes. */
#define CREDENTIAL_MAX_APPLICATION 1024

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
	const char *pin; /* NULL if not given */
	/*
	 * CREDENTIAL_PRESENCE: ask for a person, though the key may not need
	 * one. CREDENTIAL_VERIFICATION: the key was made to need its PIN.
	 */
	unsigned int flags;
};

struct assertion {
	uint8_t flags; /* FIDO_FLAG_UP, _UV as had; counter: FIDO_COUNTER */
	struct ec_signature signature;
};

/*
 * Before a person is asked for a new key's PIN: whether there is a TPM with its
 * PCRs, and none of that name for a resident key. 0 or any FAIL_.
 */
int credential_look(
    const struct config *cfg, const struct credential_request *req) MUST_CHECK;

/*
 * A resident key needs the owner's password, if the TPM has one: `pin` is that
 * password where the key gets no PIN; else the person is asked for it.
 *
 * 0 or any FAIL_. After FAIL_PIN_REQUIRED, the caller asks for a PIN, or for
 * another one, and calls again. It ends *ret with credential_reset.
 */
int credential_make(const struct config *cfg,
    const struct credential_request *req, struct credential *ret) MUST_CHECK;

/*
 * 0 or any FAIL_; the signature in *ret was verified. Without the PIN of a key
 * that has one: FAIL_PIN_REQUIRED, after credential_check_ready. Of a key that
 * depends on PCRs: FAIL_BOOT_STATE, before a person is asked anything.
 */
int credential_assert(const struct config *cfg,
    const struct assertion_request *req, struct assertion *ret) MUST_CHECK;

/*
 * Before a person is asked for anything: whether the TPM would have the key
 * sign now, with its PIN if it has one. One command for the tries of a PIN, as
 * lockout_check has them, and one for eight PCRs. 0, FAIL_LOCKOUT,
 * FAIL_LAST_TRY, or what boot_state_check and lockout_read give.
 */
int credential_check_ready(struct tpm *tpm, const struct config *cfg,
    const struct handle *h) MUST_CHECK;

/*
 * Has the key sign random bytes, and verifies the signature. It is not handed
 * out, so nobody has to be present, and no limit forbids it. 0 or any FAIL_.
 */
int credential_test(const struct config *cfg, struct slice key_handle,
    const char *pin) MUST_CHECK;

/* 0; FAIL_UNSUPPORTED for a key without PIN, which cannot get one. */
int credential_check_has_pin(const struct handle *h) MUST_CHECK;

/*
 * Gives a key that has a PIN another one; *ret_key_handle signs with the new
 * PIN, which was tried, and names no persistent copy. The old key handle goes
 * on signing with the old PIN, and so does a persistent copy. 0 or any FAIL_.
 * For tpm_with, as it may give FAIL_TPM_FULL.
 */
int credential_change_pin(struct tpm *tpm, const struct config *cfg,
    struct slice key_handle, const char *old_pin, const char *new_pin,
    struct bytes *ret_key_handle) MUST_CHECK;

void credential_reset(struct credential *cred);

#endif
