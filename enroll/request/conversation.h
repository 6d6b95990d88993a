/* SPDX-License-Identifier: ISC */
/*
 * sk-tpm-attest (PROTOCOL.md, section 5) with a CA, through ssh: this machine's
 * side of it.
 */
#ifndef SKTPM_CONVERSATION_H
#define SKTPM_CONVERSATION_H

#include "request/askpass.h"
#include "request/proof.h"

/* Set in the environment of the ssh that is run: it is not to run us again. */
#define CONVERSATION_MARK "SK_TPM_REQUEST"

/*
 * Whether it is ssh://[user@]host[:port], as ssh takes it. If so, *ret is
 * [user@]host, which the CA is told; the caller ends it with bytes_reset. 0,
 * FAIL_ARGUMENT or FAIL_MEMORY.
 */
int conversation_destination(const char *address, struct bytes *ret) MUST_CHECK;

/*
 * Asks the CA at that address, and reads its answer into *ret, which the caller
 * ends with ca_reader_reset. ssh logs in with the key of `key_file`, unless
 * that is NULL, or by its own configuration; what it says goes to stderr.
 * `askpass` gives it the PIN of that key; NULL: it asks by itself for what it
 * needs. A request without a type is for the CA's lists alone, and takes no
 * `proof`. 0: ret->certificate is what the CA sent, unchecked. FAIL_CA_PENDING,
 * FAIL_CA_REFUSED; FAIL_CA_LATER, after which another address may be tried;
 * FAIL_PROTOCOL; what proof_answer gives.
 */
int conversation_with(const char *address, const char *key_file,
    const struct message_request *request, const struct proof *proof,
    struct askpass *askpass, struct ca_reader *ret) MUST_CHECK;

#endif
