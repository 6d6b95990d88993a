/* SPDX-License-Identifier: ISC */
/*
 * The failures of all files in one code space. A function that can fail
 * returns 0 or one of these. What exactly went wrong is told to fail() in
 * log.h, once, where it happened.
 */
#ifndef SKTPM_ERROR_H
#define SKTPM_ERROR_H

enum {
	FAIL_INTERNAL = -1,	   /* a bug, or a library refused the normal */
	FAIL_MEMORY = -2,	   /* no memory left */
	FAIL_ARGUMENT = -3,	   /* the caller's argument is unusable */
	FAIL_UNSUPPORTED = -4,	   /* asked for what a TPM or we cannot do */
	FAIL_CONFIG = -5,	   /* a setting has no such value */
	FAIL_NO_DEVICE = -6,	   /* no TPM there */
	FAIL_PERMISSION = -7,	   /* a TPM, but not for this user */
	FAIL_UNREACHABLE = -8,	   /* the way to the TPM is broken */
	FAIL_NOT_TPM2 = -9,	   /* it answers as a TPM 1.2 does */
	FAIL_TPM_FAILURE = -10,	   /* failure mode, or not started */
	FAIL_TPM_FULL = -11,	   /* no slot for an object or a session */
	FAIL_TPM_BUSY = -12,	   /* still busy after all our tries */
	FAIL_LOCKOUT = -13,	   /* dictionary-attack lockout */
	FAIL_TPM = -14,		   /* any other TPM response code */
	FAIL_NOT_OURS = -15,	   /* key handle of another provider */
	FAIL_HANDLE = -16,	   /* key handle of ours, damaged or altered */
	FAIL_VERSION = -17,	   /* key handle of a newer sk-tpm */
	FAIL_OTHER_TPM = -18,	   /* key handle of another TPM */
	FAIL_PARENT = -19,	   /* the parent key is not a storage key */
	FAIL_OWNER_AUTH = -20,	   /* the owner hierarchy has a password */
	FAIL_PRESENCE = -21,	   /* nobody could be asked */
	FAIL_FORGED = -22,	   /* what came from the TPM does not verify */
	FAIL_PIN_REQUIRED = -23,   /* a PIN has to be given */
	FAIL_WRONG_PIN = -24,	   /* the TPM did not accept it */
	FAIL_LAST_TRY = -25,	   /* one more wrong PIN would lock the TPM */
	FAIL_REFUSED = -26,	   /* the person said no, or nothing in time */
	FAIL_LIMIT = -27,	   /* the key's own limits forbid it */
	FAIL_OWNER_PASSWORD = -28, /* the owner's is missing or wrong */
	FAIL_NV_FULL = -29,	   /* no room for a resident key */
	FAIL_EXISTS = -30,	   /* a resident key that would be replaced */
	FAIL_DAMAGED_RECORD = -31, /* a resident key that cannot be read */
	FAIL_FALLBACK = -32,	   /* the fallback provider failed */
	FAIL_NO_TOKEN = -33,	   /* the fallback provider has no device */
	FAIL_LOST = -34,	   /* the way to the TPM broke in use */
	FAIL_NO_REASON = -35,	   /* OpenSSH's own provider just failed */
	FAIL_SECRET = -36,	   /* no way to ask for a PIN or password */
	FAIL_UNFINISHED = -37,	   /* a resident key half written */
	FAIL_NAME = -38,	   /* a resident key that no file can be of */
	FAIL_EK = -39,		   /* no endorsement key as we take them */
	FAIL_EVIDENCE = -40,	   /* a machine's evidence does not hold */
	FAIL_EK_CERTIFICATE = -41, /* of the endorsement key; no proof */
	FAIL_PROTOCOL = -42,	   /* not what the other side has to say */
	FAIL_ENDORSEMENT_PASSWORD = -43, /* the endorsement hierarchy's */
	FAIL_BOOT_STATE = -44,		 /* PCRs that a key depends on differ */
	FAIL_TICKET = -45,	/* of a PIN: the TPM no longer takes it */
	FAIL_CERTIFICATE = -46, /* an SSH certificate, but not a good one */
	FAIL_CHALLENGE = -47,	/* a CA's, that is not for us */
	FAIL_STORE = -48,	/* a CA's store cannot be read or written */
	FAIL_NOT_FOUND = -49,	/* the store has no such thing */
	FAIL_UNAVAILABLE = -50, /* a CA's key, or a program that it needs */
	FAIL_CA_PENDING = -51,	/* a CA wants an administrator's word first */
	FAIL_CA_REFUSED = -52,	/* a CA says no */
	FAIL_CA_LATER = -53,	/* a CA cannot be reached, or is busy */
	FAIL_TAKEN = -54,	/* the store has that name or id already */
};

/*
 * What the person can do about err: one phrase without a full stop, or NULL
 * where the cause given to fail() already says it. Static storage.
 */
const char *error_remedy(int err);

#endif
