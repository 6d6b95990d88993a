/* SPDX-License-Identifier: ISC */
/* SSH public keys in the files that ssh-keygen reads and writes. */
#ifndef SKTPM_CA_PUBLIC_KEY_H
#define SKTPM_CA_PUBLIC_KEY_H

#include "ca/store.h"

/*
 * The blob of the key in a .pub file. 0; FAIL_UNAVAILABLE where there is none;
 * FAIL_MEMORY.
 */
int public_key_read(const char *path, struct bytes *ret_blob) MUST_CHECK;

/* Appends "TYPE BASE64" and LF. 0 or FAIL_MEMORY. */
int public_key_put(struct bytes *out, struct slice blob) MUST_CHECK;

/*
 * "SHA256:...", as OpenSSH shows it; of a certificate, that of the plain key.
 * 0 or FAIL_ARGUMENT.
 */
int public_key_fingerprint(
    struct slice blob, char ret[STORE_FINGERPRINT_LEN + 1]) MUST_CHECK;

bool fingerprint_is_wellformed(const char *text);

#endif
