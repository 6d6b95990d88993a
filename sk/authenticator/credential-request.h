/* SPDX-License-Identifier: ISC */
/* What is asked for when a key is made. */
#ifndef SKTPM_CREDENTIAL_REQUEST_H
#define SKTPM_CREDENTIAL_REQUEST_H

#include "key/limits.h"

enum credential_flags {
	/* OpenSSH's bits, of a key file or of sk_enroll: sk-api.h. */
	CREDENTIAL_PRESENCE = 0x01,	/* its signatures need a person */
	CREDENTIAL_VERIFICATION = 0x04, /* its signatures need its PIN */
	CREDENTIAL_OVERWRITE = 0x10,	/* replace a resident key of its name */
	CREDENTIAL_RESIDENT = 0x20,	/* keep it in the TPM as well */
	/* Ours. */
	CREDENTIAL_ATTESTATION = 0x100,	 /* ask a person for it, if need be */
	CREDENTIAL_PIN_REPEATED = 0x200, /* it was typed twice already */
	CREDENTIAL_PERSISTENT = 0x400,	 /* with a persistent copy in the TPM */
};

struct credential_request {
	const char *application;
	struct slice challenge;
	unsigned int flags;	     /* enum credential_flags */
	const char *pin;	     /* with verification; NULL if not given */
	const struct limits *limits; /* NULL: none */
	uint32_t pcrs;		     /* that it is to depend on, as in pcr.h */
	const char *user;	     /* of a resident key; NULL: none */
};

#endif
