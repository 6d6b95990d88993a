/* SPDX-License-Identifier: ISC */
/*
 * The key handle: what OpenSSH keeps in a key file for us. One CBOR map
 * (RFC 8949, core deterministic encoding), these keys in this order:
 *
 *	0: "sk-tpm"	magic, text
 *	1: uint		version, 1
 *	2: uint		where the parent key is, enum handle_parent or a
 *			persistent TPM handle 0x81000000..0x81ffffff
 *	3: bytes(34)	Name of the parent: 0x000b, SHA-256 of its public area
 *	4: uint		authorization, enum handle_auth
 *	5: bytes(32)	SHA-256 of the application it is for; as with every FIDO
 *			authenticator, it serves no other
 *	6: array	limits on the key's use, see key-limits.h
 *	7: bytes	TPM2B_PUBLIC of the key, its size field included
 *	8: bytes	TPM2B_PRIVATE of the key, encrypted by the TPM
 *
 * Entries 0 to 6 are bound to the key: their digest (handle_binding) is the
 * authPolicy in the key's public area, which the TPM protects. No program can
 * satisfy that policy; it only makes an edited key handle visible.
 *
 * Nothing in it is secret, and nothing in it is trusted: the TPM decides
 * whether it can be loaded, and no field names a program or a device.
 */
#ifndef SKTPM_HANDLE_H
#define SKTPM_HANDLE_H

#include "bytes.h"
#include "key-limits.h"

#define HANDLE_NAME_LEN 34
#define HANDLE_APPLICATION_LEN 32
#define HANDLE_BINDING_LEN 32
#define HANDLE_MAX_LEN 4096

/* Parents that are not persistent, but created again from the owner seed. */
enum handle_parent {
	HANDLE_PARENT_SRK = 1,	     /* ECC P-256 SRK template, unique empty */
	HANDLE_PARENT_SRK_ZEROS = 2, /* the same with unique 32+32 zero bytes */
};

#define HANDLE_PARENT_PERSISTENT_FIRST 0x81000000u
#define HANDLE_PARENT_PERSISTENT_LAST 0x81ffffffu

enum handle_auth {
	HANDLE_AUTH_NONE = 0, /* empty authValue, noDA */
	HANDLE_AUTH_PIN = 1,  /* authValue made of a PIN, see pin.h */
};

struct handle {
	uint32_t parent; /* see entry 2 */
	uint8_t parent_name[HANDLE_NAME_LEN];
	enum handle_auth auth;
	uint8_t application[HANDLE_APPLICATION_LEN];
	struct limits limits;
	struct bytes tpm_public;
	struct bytes tpm_private;
};

/* True for a parent that entry 2 may hold. */
bool handle_parent_is_valid(uint64_t parent);

/*
 * Reads a key handle; anything but the one encoding described above is
 * refused. 0; FAIL_NOT_OURS for what does not begin like ours; FAIL_VERSION;
 * FAIL_HANDLE; FAIL_MEMORY. The caller ends *ret with handle_reset.
 */
int handle_decode(struct slice in, struct handle *ret) MUST_CHECK;

/* The encoding of h in *ret. 0, FAIL_MEMORY or FAIL_INTERNAL (too long). */
int handle_encode(const struct handle *h, struct bytes *ret) MUST_CHECK;

/* Digest of entries 0 to 6. 0, FAIL_MEMORY or FAIL_INTERNAL. */
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
