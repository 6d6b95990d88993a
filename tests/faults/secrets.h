/* SPDX-License-Identifier: ISC */
/*
 * Looks for secrets in every block of memory as it is freed, and in all that
 * this process can write to. Not under AddressSanitizer, whose free it is.
 */
#ifndef SKTPM_TEST_SECRETS_H
#define SKTPM_TEST_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

struct secrets_found {
	size_t by_us;	   /* freed by this program: our rooms */
	size_t by_tss;	   /* by tpm2-tss's libraries */
	size_t by_openssl; /* by libcrypto */
	size_t by_others;
	size_t left; /* copies anywhere, when all is done */
};

/* True where this build can look. */
bool secrets_can_be_seen(void);

/* From here on; what is to be found are the PINs, passwords, authValues. */
void secrets_watch(struct secrets_found *found);

/* Ends it, and counts what is left; says on stderr where, if `say`. */
void secrets_unwatch(bool say);

#endif
