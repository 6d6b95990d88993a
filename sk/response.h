/* SPDX-License-Identifier: ISC */
/*
 * Results as OpenSSH's structures, built once for each layout in sk-api.h.
 * Each *ret is OpenSSH's to free. 0 or FAIL_MEMORY.
 */
#ifndef SKTPM_RESPONSE_H
#define SKTPM_RESPONSE_H

#include "authenticator/credential.h"
#include "authenticator/resident-credential.h"
#include "fallback/helper-message.h"
#include "sk-api.h"

/* `flags` are those of sk_enroll. */
int response_of_credential(const struct credential *cred, uint8_t flags,
    struct sk_enroll_response **ret) MUST_CHECK;
int response_of_assertion(
    const struct assertion *a, struct sk_sign_response **ret) MUST_CHECK;

int response_of_helper_key(
    const struct helper_key *key, struct sk_enroll_response **ret) MUST_CHECK;
int response_of_helper_signature(const struct helper_signature *sig,
    struct sk_sign_response **ret) MUST_CHECK;

/*
 * `user` is what -O user= asks for; NULL is any. Without such a key, *ret and
 * *ret_n stay as they are.
 */
int response_of_residents(const struct resident_credentials *list,
    const char *user, struct sk_resident_key ***ret, size_t *ret_n) MUST_CHECK;

#endif
