/* SPDX-License-Identifier: ISC */
/*
 * The parent: the storage key under which our keys are encrypted. It is the
 * persistent storage root key (SRK) where the machine has one, else the same
 * key is created again from the owner seed for the call.
 */
#ifndef SKTPM_PARENT_H
#define SKTPM_PARENT_H

#include "key/handle.h"
#include "tpm/primary.h"

struct parent {
	ESYS_TR object;
	bool transient;		       /* it is ours to flush */
	uint32_t where;		       /* bound entry 1 of a key handle */
	uint8_t name[HANDLE_NAME_LEN]; /* computed from its public area */
};

/*
 * A parent for a new key: the one at the persistent handle `where`, or the SRK
 * if that is 0. The caller ends *ret with parent_close.
 * Where another kind of key has taken the SRK's handle, a line says so and the
 * SRK is created for the call.
 * 0; FAIL_PARENT if there is nothing, or no suitable key, at a handle that was
 * named; FAIL_OWNER_AUTH; what tpm_fail gives.
 */
int parent_for_new(
    struct tpm *tpm, uint32_t where, struct parent *ret) MUST_CHECK;

/* What is at a persistent handle. */
enum parent_state {
	PARENT_UNKNOWN, /* nobody has looked */
	PARENT_ABSENT,
	PARENT_SUITS,
	PARENT_OTHER, /* another key */
};

/*
 * Looks for the parent with this Name where a key handle says that it is: at
 * the persistent handle `where`, or at the SRK's for one that a template made.
 * One command, and no ESYS. *ret is its TPM handle, where *ret_seen says that
 * it suits. 0; FAIL_HANDLE as parent_find; what tpm_fail gives.
 */
int parent_look_first(struct tpm *tpm, uint32_t where,
    const uint8_t name[HANDLE_NAME_LEN], enum parent_state *ret_seen,
    uint32_t *ret) MUST_CHECK;

/*
 * The parent with this Name: looked for at `where` and at the SRK's handle,
 * then created again by each template. The caller ends *ret with parent_close.
 * 0; FAIL_OTHER_TPM if none has the Name; FAIL_HANDLE if a key has it that
 * parent_for_new would not have taken: nothing is authorized to that one;
 * FAIL_OWNER_AUTH or what tpm_fail gives.
 */
int parent_find(struct tpm *tpm, uint32_t where,
    const uint8_t name[HANDLE_NAME_LEN], struct parent *ret) MUST_CHECK;

/*
 * The same after parent_look_first, which has `seen` that it is not at the
 * first place: that one is not read again.
 */
int parent_find_beyond(struct tpm *tpm, uint32_t where,
    const uint8_t name[HANDLE_NAME_LEN], enum parent_state seen,
    struct parent *ret) MUST_CHECK;

/*
 * A key to salt sessions to, for changes by the owner to what belongs to a key:
 * its parent. What is damaged or of another TPM has to be removable, too: there
 * (h is NULL, or no parent is found) it is a key of the null hierarchy. The
 * caller ends *ret with parent_close. 0 or what tpm_fail gives.
 */
int parent_find_salt(
    struct tpm *tpm, const struct handle *h, struct parent *ret) MUST_CHECK;

/*
 * What is at the SRK's handle; of another kind of key, log_cause() says which.
 * One or two commands. 0 or what tpm_fail gives.
 */
int parent_look(struct tpm *tpm, enum parent_state *ret) MUST_CHECK;

/*
 * Which template the persistent SRK is of, enum handle_parent, or 0 for none.
 * 0; FAIL_PARENT where there is no SRK, or its Name is not by SHA-256;
 * FAIL_OWNER_AUTH or what tpm_fail gives.
 */
int parent_template(struct tpm *tpm, uint32_t *ret) MUST_CHECK;

/*
 * Creates the SRK by the TCG's template and makes it persistent at
 * PRIMARY_SRK_HANDLE. `owner_auth` is the owner hierarchy's password, or
 * empty; it crosses the bus only as an HMAC, in a session salted to a key of
 * the null hierarchy. 0, FAIL_OWNER_PASSWORD or what tpm_fail gives.
 */
int parent_make_persistent(struct tpm *tpm, struct slice owner_auth) MUST_CHECK;

/*
 * What it means that a command failed which the parent had to authorize, by
 * `session`: fail() for that, with `doing` as for tpm_fail.
 */
int parent_fail(TSS2_RC rc, ESYS_TR session, const char *doing) MUST_CHECK;

void parent_close(struct tpm *tpm, struct parent *parent);

#endif
