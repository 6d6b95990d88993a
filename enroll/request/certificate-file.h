/* SPDX-License-Identifier: ISC */
/* The certificate beside a key, KEY-cert.pub. */
#ifndef SKTPM_CERTIFICATE_FILE_H
#define SKTPM_CERTIFICATE_FILE_H

#include "attest/message.h"
#include "keyref.h"
#include "ssh/certificate.h"

struct certificate_file {
	const struct keyref *ref;
	struct bytes blob; /* of the plain key */
	enum certificate_type type;
	char *path;
};

/*
 * For the key of a key file, or of its .pub file. The caller ends *ret with
 * certificate_file_reset. 0 or FAIL_MEMORY.
 */
int certificate_file_of(const struct keyref *ref, const char *key_file,
    enum certificate_type type, struct certificate_file *ret) MUST_CHECK;

/* The certificate of "TYPE BASE64 comment". False where there is none. */
bool certificate_file_read(const char *path, struct bytes *ret);

/*
 * Whether the one that is there is good: of this key and type, in force, and
 * with a third of its time left at least.
 */
bool certificate_file_is_fresh(const struct certificate_file *file);

/*
 * Whether the one that is there is signed by one of the keys that sign such
 * certificates. True where there are no such keys to compare with.
 */
bool certificate_file_is_of(const struct certificate_file *file,
    const struct message_ca_key *keys, size_t n);

/* Whether the one that is there is good, but for its age, and in force. */
bool certificate_file_is_in_force(const struct certificate_file *file);

/*
 * Checks the certificate that a CA has sent, its signature included, by
 * ssh-keygen, and writes it whole or not at all. One that is there and lasts
 * longer, from the same CA and for the same names, is kept: *ret_kept.
 * *ret_certificate borrows from `blob`. 0; FAIL_CERTIFICATE; FAIL_ARGUMENT
 * where the file cannot be written; FAIL_MEMORY or FAIL_INTERNAL.
 */
int certificate_file_put(const struct certificate_file *file, struct slice blob,
    struct certificate *ret_certificate, bool *ret_kept) MUST_CHECK;

void certificate_file_reset(struct certificate_file *file);

#endif
