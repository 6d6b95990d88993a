/* SPDX-License-Identifier: ISC */
/*
 * The key handle: what OpenSSH keeps in a key file for us. One CBOR map
 * (RFC 8949, core deterministic encoding), these keys in this order:
 *
 *	0: "sk-tpm"	magic, text
 *	1: bytes	the bound entries, a map of its own; see below
 *	2: bytes	TPM2B_PUBLIC of the key, its size field included
 *	3: bytes	TPM2B_PRIVATE of the key, encrypted by the TPM
 *	4: bytes	TPM2B_PRIVATE of the PIN object; where 10 is bound, and
 *			only there
 *	5: uint		optional: persistent TPM handle 0x81000000..0x817fffff,
 *			a hint at where a copy of the key may be
 *	6: bytes(32)	optional, with 5, for a key without PIN and PCRs: the
 *			authValue of that copy; its last byte is not zero
 *
 * The bound entries:
 *
 *	0: uint		version, 1
 *	1: uint		where the parent key is, enum handle_parent or a
 *			persistent TPM handle 0x81000000..0x81ffffff
 *	2: bytes(34)	Name of the parent: 0x000b, SHA-256 of its public area
 *	3: uint		authorization, enum handle_auth
 *	4: bytes(32)	SHA-256 of the application it is for; as with every FIDO
 *			authenticator, it serves no other
 *	5: array	limits on the key's use, see key/limits.h
 *	6: uint		1 if each use needs a person's presence, else 0
 *	7: bytes(16)	salt of the PIN; where there is a PIN, and only there
 *	8: uint		lifetime of the PIN in seconds, 1..0x7fffffff; with a
 *			PIN object, and only there
 *	9: map		optional: number of a PCR (0..15, 17..22), in order, to
 *			the 32 bytes that it has to have in the SHA-256 bank,
 *			not all of them zero
 *	10: bytes	TPM2B_PUBLIC of the PIN object; with a PIN object, and
 *			only there
 *
 * They are bound to the key: the digest of these very bytes (handle_binding)
 * is part of the authPolicy in the key's public area, which the TPM protects.
 * PROTOCOL.md says how, with examples in bytes.
 *
 * Nothing in it but entry 6 is secret, and nothing in it is trusted: the TPM
 * decides whether it can be loaded, and no field names a program or a device.
 */
#ifndef SKTPM_HANDLE_H
#define SKTPM_HANDLE_H

#include "base/bytes.h"
#include "key/limits.h"
#include "tpm/pcr.h"

#define HANDLE_NAME_LEN 34
#define HANDLE_APPLICATION_LEN 32
#define HANDLE_BINDING_LEN 32
#define HANDLE_SALT_LEN 16
#define HANDLE_AUTH_VALUE_LEN 32	/* of a persistent copy */
#define HANDLE_LIFETIME_MAX 0x7fffffffu /* seconds; a TPM's INT32 */
#define HANDLE_MAX_LEN 4096

/* Parents that are not persistent, but created again from the owner seed. */
enum handle_parent {
	HANDLE_PARENT_SRK = 1,	     /* ECC P-256 SRK template, unique empty */
	HANDLE_PARENT_SRK_ZEROS = 2, /* the same with unique 32+32 zero bytes */
};

#define HANDLE_PARENT_PERSISTENT_FIRST 0x81000000u
#define HANDLE_PARENT_PERSISTENT_LAST 0x81ffffffu

/* Where the TCG leaves persistent handles to the owner hierarchy. */
#define HANDLE_OWNER_PERSISTENT_LAST 0x817fffffu

enum handle_auth {
	HANDLE_AUTH_NONE = 0,	    /* empty authValue */
	HANDLE_AUTH_PIN = 1,	    /* authValue made of a PIN, see pin.h */
	HANDLE_AUTH_PIN_OBJECT = 2, /* the same of another object, by policy */
};

struct handle {
	uint32_t parent; /* see bound entry 1 */
	uint8_t parent_name[HANDLE_NAME_LEN];
	enum handle_auth auth;
	uint8_t application[HANDLE_APPLICATION_LEN];
	struct limits limits;
	bool presence; /* each use needs a person's */
	uint8_t pin_salt[HANDLE_SALT_LEN];
	uint32_t pin_lifetime; /* seconds; 0: none */
	uint32_t pcrs;	       /* bit n: PCR n has to have pcr_values[n] */
	uint8_t pcr_values[PCR_COUNT][PCR_LEN];
	struct bytes pin_object_public;
	/* Not bound: */
	struct bytes tpm_public;
	struct bytes tpm_private;
	struct bytes pin_object_private;
	uint32_t persistent; /* a hint, see entry 5; 0: none */
	/* Of that copy; secret, empty: none. */
	struct bytes persistent_auth;
};

/*
 * Reads a key handle; anything but the one encoding described above is
 * refused. 0; FAIL_NOT_OURS for what does not begin like ours; FAIL_VERSION;
 * FAIL_HANDLE; FAIL_MEMORY or FAIL_INTERNAL. The caller ends *ret with
 * handle_reset.
 */
int handle_decode(struct slice in, struct handle *ret) MUST_CHECK;

/*
 * Reads the bound entries alone, as handle_bound gives them and a CA is shown
 * them; the rest of *ret is empty. 0, FAIL_VERSION, FAIL_HANDLE, FAIL_MEMORY or
 * FAIL_INTERNAL. The caller ends *ret with handle_reset.
 */
int handle_decode_bound(struct slice in, struct handle *ret) MUST_CHECK;

/* The encoding of h in *ret. 0, FAIL_MEMORY or FAIL_INTERNAL (too long). */
int handle_encode(const struct handle *h, struct bytes *ret) MUST_CHECK;

/*
 * The bound entries as entry 1 holds them, which is what a CA is shown.
 * 0, FAIL_MEMORY or FAIL_INTERNAL.
 */
int handle_bound(const struct handle *h, struct bytes *ret) MUST_CHECK;

/*
 * SHA-256 of a domain and the bound entries. 0, FAIL_MEMORY or FAIL_INTERNAL.
 */
int handle_binding(
    const struct handle *h, uint8_t ret_digest[HANDLE_BINDING_LEN]) MUST_CHECK;

/*
 * Whether the key was made for this application, as a key file or a record
 * says. 0, FAIL_HANDLE if for another; FAIL_INTERNAL.
 */
int handle_check_application(
    const struct handle *h, const char *application) MUST_CHECK;

void handle_reset(struct handle *h);

#endif
