/* SPDX-License-Identifier: ISC */
/*
 * OpenSSH's files for an ecdsa-sk key: the private-key file, which for us
 * holds a key handle, and the public key's line. Sources: PROTOCOL.key and
 * PROTOCOL.u2f of OpenSSH.
 */
#ifndef SKTPM_KEYFILE_H
#define SKTPM_KEYFILE_H

#include "base/p256.h"
#include "new-file.h"

/* The key's flags, as OpenSSH has them in sk-api.h. */
#define KEYFILE_PRESENCE 0x01
#define KEYFILE_VERIFICATION 0x04
#define KEYFILE_RESIDENT 0x20 /* it was made to be kept in the TPM as well */

struct keyfile {
	struct ec_point point;
	char *application;
	uint8_t flags; /* KEYFILE_PRESENCE and the like */
	struct bytes key_handle;
	char *comment;
};

/*
 * Reads a private-key file. 0; FAIL_ARGUMENT if it is missing, not in OpenSSH's
 * format, encrypted, or of another type; FAIL_MEMORY. The caller ends *ret with
 * keyfile_reset.
 */
int keyfile_read(const char *path, struct keyfile *ret) MUST_CHECK;

/* The same from memory: the text of such a file. */
int keyfile_parse(struct slice text, struct keyfile *ret) MUST_CHECK;

/* Puts a blob between BEGIN and END lines, in base64. 0 or FAIL_MEMORY. */
int keyfile_armour(struct slice blob, struct bytes *ret) MUST_CHECK;

/*
 * Writes PATH, mode 0600, and PATH.pub, mode 0644, each whole or not at all. 0,
 * FAIL_ARGUMENT or FAIL_MEMORY.
 */
int keyfile_write(const struct keyfile *key, const char *path,
    enum existing_file existing) MUST_CHECK;

/* Replaces PATH alone, whole or not at all, for a key handle that changed. */
int keyfile_replace(const struct keyfile *key, const char *path) MUST_CHECK;

/* The public key as one line without newline: type, base64, comment. */
int keyfile_public_line(
    const struct keyfile *key, struct bytes *ret) MUST_CHECK;

/* "SHA256:..." as ssh-keygen -l has it. 0, FAIL_MEMORY or FAIL_INTERNAL. */
int keyfile_fingerprint(const struct keyfile *key, uint8_t ret[32]) MUST_CHECK;

void keyfile_reset(struct keyfile *key);

#endif
