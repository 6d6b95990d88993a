/* SPDX-License-Identifier: ISC */
/*
 * Looks for secrets in every block of memory as it is freed, and in all that
 * this process can write to. Not under AddressSanitizer, whose free it is.
 */
#ifndef SKTPM_TEST_SECRETS_H
#define SKTPM_TEST_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct secrets_found {
	size_t by_us;	   /* freed by this program, our code */
	size_t by_tss;	   /* by tpm2-tss's libraries */
	size_t by_openssl; /* by libcrypto */
	size_t by_others;
	size_t with_key; /* freed by whomever, with the key's point in it */
	size_t left;	 /* copies anywhere, when all is done */
};

/* True where this build can look. */
bool secrets_can_be_seen(void);

/*
 * From here on; what is to be found are the PINs, passwords, authValues.
 * `point` is the public point of a key that has one (65 bytes): what tpm2-tss
 * frees with both in it is what it knows of that key.
 */
void secrets_watch(struct secrets_found *found, const uint8_t *point);

/* Ends it, and counts what is left; says on stderr where, if `say`. */
void secrets_unwatch(bool say);

#endif
