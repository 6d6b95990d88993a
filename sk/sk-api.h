/* SPDX-License-Identifier: ISC */
/*
 * The interface between OpenSSH and a SecurityKeyProvider, in our own words.
 * OpenSSH (through ssh-sk-helper) loads the library, compares the upper half
 * of sk_api_version() with its own major, and calls one of the other three.
 * The structures moved over time; SK_API_MAJOR picks one of the layouts:
 *
 *	7	OpenSSH 8.4 to 8.8
 *	9	OpenSSH 8.9 and 9.0: a flags byte leads the enroll response, and
 *		a user id ends the resident key
 *	10	OpenSSH 9.1 and later: as 9, and two numbers more
 *
 * Every pointer in a result is one malloc(3) of exactly its length; OpenSSH
 * wipes and frees it. It never frees `authdata` of a resident key.
 *
 * Source: PROTOCOL.u2f and sk-api.h of the OpenSSH releases named.
 */
#ifndef SK_API_H
#define SK_API_H

#include <stddef.h>
#include <stdint.h>

#ifndef SK_API_MAJOR
#define SK_API_MAJOR 10
#endif
#if SK_API_MAJOR != 7 && SK_API_MAJOR != 9 && SK_API_MAJOR != 10
#error "SK_API_MAJOR is 7, 9 or 10"
#endif

/* `flags` of a request, of a key and (the first two) of a signature. */
#define SSH_SK_USER_PRESENCE_REQD 0x01
#define SSH_SK_USER_VERIFICATION_REQD 0x04
#define SSH_SK_FORCE_OPERATION 0x10 /* since 10: overwrite a resident key */
#define SSH_SK_RESIDENT_KEY 0x20

/* `alg` */
#define SSH_SK_ECDSA 0x00
#define SSH_SK_ED25519 0x01

/* Return values besides 0 */
#define SSH_SK_ERR_GENERAL -1
#define SSH_SK_ERR_UNSUPPORTED -2
#define SSH_SK_ERR_PIN_REQUIRED -3
#define SSH_SK_ERR_DEVICE_NOT_FOUND -4
#define SSH_SK_ERR_CREDENTIAL_EXISTS -5 /* since 10 */

/* A new key: point uncompressed (0x04, X, Y); authdata wrapped in CBOR. */
struct sk_enroll_response {
#if SK_API_MAJOR >= 9
	uint8_t flags;
#endif
	uint8_t *public_key;
	size_t public_key_len;
	uint8_t *key_handle;
	size_t key_handle_len;
	uint8_t *signature;
	size_t signature_len;
	uint8_t *attestation_cert;
	size_t attestation_cert_len;
	uint8_t *authdata;
	size_t authdata_len;
};

/* R and S are big-endian; leading zero bytes are allowed. */
struct sk_sign_response {
	uint8_t flags;
	uint32_t counter;
	uint8_t *sig_r;
	size_t sig_r_len;
	uint8_t *sig_s;
	size_t sig_s_len;
};

struct sk_resident_key {
	uint32_t alg;
	size_t slot;
	char *application;
	struct sk_enroll_response key;
	uint8_t flags;
#if SK_API_MAJOR >= 9
	uint8_t *user_id;
	size_t user_id_len;
#endif
};

/* Options come as a NULL-terminated list of pointers, or NULL for none. */
struct sk_option {
	char *name;
	char *value;
	uint8_t required; /* refuse the call rather than ignore it */
};

uint32_t sk_api_version(void);

int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len,
    const char *application, uint8_t flags, const char *pin,
    struct sk_option **options, struct sk_enroll_response **enroll_response);

int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len,
    const char *application, const uint8_t *key_handle, size_t key_handle_len,
    uint8_t flags, const char *pin, struct sk_option **options,
    struct sk_sign_response **sign_response);

int sk_load_resident_keys(const char *pin, struct sk_option **options,
    struct sk_resident_key ***rks, size_t *nrks);

#endif
