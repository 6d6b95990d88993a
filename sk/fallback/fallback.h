/* SPDX-License-Identifier: ISC */
/*
 * Keys that are not in the TPM. SecurityKeyProvider is one setting for all sk
 * keys, so we get those on FIDO tokens, or of other libraries, as well. We hand
 * them to the provider that FallbackProvider names, in an ssh-sk-helper of its
 * own, as OpenSSH would.
 */
#ifndef SKTPM_FALLBACK_H
#define SKTPM_FALLBACK_H

#include "config.h"
#include "fallback/helper-message.h"

/*
 * Has the fallback provider do what `req` asks for; its `provider` and
 * `verbose` are filled in here. 0; FAIL_NOT_OURS (signing) or FAIL_UNSUPPORTED
 * (enrolling) where there is none; FAIL_NO_TOKEN, or FAIL_NO_REASON, which is
 * all that OpenSSH 8.4's own says without a device; FAIL_PIN_REQUIRED,
 * FAIL_UNSUPPORTED, FAIL_EXISTS or FAIL_ARGUMENT, with which the helper
 * refused; FAIL_FALLBACK, FAIL_MEMORY.
 */
int fallback_sign(const struct config *cfg, struct helper_sign_request *req,
    struct helper_signature *ret) MUST_CHECK;
int fallback_enroll(const struct config *cfg, struct helper_enroll_request *req,
    struct helper_key *ret) MUST_CHECK;

/*
 * The path of ssh-sk-helper: SSH_SK_HELPER, if it is not empty, the one this
 * process is, or where distributions keep it. False if there is none.
 */
bool fallback_find_helper(char *ret, size_t size) MUST_CHECK;

/*
 * True for one whose OpenSSH was built without the provider for FIDO tokens.
 * False also where that cannot be found out.
 */
bool fallback_helper_lacks_builtin(const char *path) MUST_CHECK;

#endif
