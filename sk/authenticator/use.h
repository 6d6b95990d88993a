/* SPDX-License-Identifier: ISC */
/*
 * What is told of the use of a key: in a question, in syslog and on the
 * desktop.
 */
#ifndef SKTPM_USE_H
#define SKTPM_USE_H

#include "base/p256.h"
#include "base/text.h"
#include "config.h"
#include "ssh/signdata.h"

struct use {
	const struct ec_point *point; /* the key's; NULL if it cannot be read */
	const char *application;      /* the key's */
	struct request *what;	      /* was to be signed */
	uint8_t flags;		      /* FIDO_FLAG_, of the signature */
	bool by_ticket;		      /* of a PIN that was entered earlier */
	int result;		      /* 0, or FAIL_ with its log_cause() */
};

/*
 * Appends who asks for a signature: "for " and the command line that the caller
 * serves, by its own word; or that it comes through ssh-agent; or nothing.
 */
void use_add_asker(struct text *t);

/*
 * Leaves a record in syslog and shows a notification of a signature, as the
 * settings LogUse and Notify say. Neither can fail. A call that ends with
 * FAIL_PIN_REQUIRED is no use yet, for another follows with the PIN.
 */
void use_tell(const struct config *cfg, const struct use *use);

/* Appends the record in words; libsk-tpm(8) has its form. */
void use_describe(const struct use *use, struct text *t);

#endif
