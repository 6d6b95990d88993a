/* SPDX-License-Identifier: ISC */
/*
 * PINs: what a new one has to be like, and what the TPM gets of it.
 */
#ifndef SKTPM_PIN_H
#define SKTPM_PIN_H

#include "base/bytes.h"

#define PIN_MIN_CHARACTERS 6
#define PIN_MAX_LEN 1024
#define PIN_SALT_LEN 16

/* True for a PIN that was given: neither NULL nor empty. */
bool pin_is_given(const char *pin);

/*
 * Whether `pin` is one for a new key: PIN_MIN_CHARACTERS at least (of UTF-8,
 * where it is UTF-8), PIN_MAX_LEN bytes at most; any bytes.
 * 0, or FAIL_PIN_REQUIRED, after which the caller asks for another one.
 */
int pin_check_new(const char *pin) MUST_CHECK;

/*
 * The authValue of a key: SHA-256 of a domain, the key's salt and the PIN,
 * without trailing zero bytes, which TPMs drop (part 1, section 19.6.4.3 of the
 * TPM 2.0 Library). Two keys with one PIN so have nothing in common that shows
 * it. Secret; the caller ends it with bytes_reset.
 * 0, FAIL_PIN_REQUIRED (too long to be one), FAIL_MEMORY or FAIL_INTERNAL.
 */
int pin_auth_value(const char *pin, const uint8_t salt[PIN_SALT_LEN],
    struct bytes *ret) MUST_CHECK;

#endif
