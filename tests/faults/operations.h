/* SPDX-License-Identifier: ISC */
/*
 * Everything that we do with a TPM, one operation each, run in a process of
 * its own so that it may crash, leak and wait as it likes; and what is to hold
 * whatever went wrong in it.
 */
#ifndef SKTPM_TEST_OPERATIONS_H
#define SKTPM_TEST_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "secrets.h"

#define APPLICATION "ssh:"
#define PIN "correct horse 7"
#define NEW_PIN "battery staple 9"
#define WRONG_PIN "no such battery"
#define OWNER_PASSWORD "owner of all this"

/* What became of an operation; in memory that it shares with us. */
struct outcome {
	bool done;  /* it got to its end */
	int result; /* what the entry point or main returned */
	int err;    /* the FAIL_ code that a line was printed for, or 0 */
	bool wrong; /* it said success, and the result is not right */
	bool lied_to;
	bool leaked;
	unsigned int commands; /* sent to the TPM */
	unsigned int waits;    /* for the TPM to be ready */
	unsigned int calls;    /* that could be made to fail */
	struct secrets_found secrets;
	size_t handle_len; /* of the key that was made, if one was */
	uint8_t handle[1024];
	uint8_t point[65];
	/* Persistent copies that are new, the last of them, and that are gone.
	 */
	size_t copies_made, copies_gone;
	uint32_t copy;
	bool cut_off;	 /* the process or its connection may have ended */
	char text[4096]; /* what went to stderr */
};

struct operation {
	const char *name;
	int (*run)(struct outcome *out);
	bool (*check)(const struct outcome *out); /* after success; or NULL */
	/* What it may change, and whether that is as it was or as it should. */
	enum keeps {
		KEEPS_NOTHING,
		KEEPS_FILE,
		KEEPS_RECORDS,
		KEEPS_COPIES
	} keeps;
	bool (*is_kept)(const struct outcome *out);
	bool begins_with_copy; /* for KEEPS_COPIES: the file has one */
	bool wrong_pin;	       /* it cannot succeed, and costs a try */
	bool owner;	       /* the TPM's owner has a password meanwhile */
	bool secret;	       /* a PIN or password is given */
	bool with_pin;	/* the TPM gets that PIN, for a key that is there */
	bool info;	/* it may say more than one line */
	bool elsewhere; /* another provider does it, without the TPM */
};

extern const struct operation operations[];
extern const size_t n_operations;

/*
 * Makes the keys that the operations use, in the TPM that SK_TPM_TCTI names and
 * with provider-soft.so, which is to be found where libraries are. `dir` is for
 * their files.
 */
bool operations_begin(const char *dir);

/* What goes wrong while an operation runs. */
struct mishap {
	const char *fault; /* SK_TPM_FAULT, or NULL */
	/* Or the call of this kind and number fails; 0 is none. */
	enum call_kind {
		CALL_MEMORY,
		CALL_TSS,
		CALL_OPENSSL,
		CALL_SYSTEM
	} kind;
	unsigned int call;
	uint32_t rc;  /* that the call to tpm2-tss then returns */
	bool watch;   /* for secrets in what it frees */
	bool strands; /* leaves in the TPM what a manager would free */
	bool lies;    /* the TPM may be believed what is not so */
};

/* Runs it. NULL, or what does not hold: one of a few static texts. */
const char *operation_try(
    const struct operation *op, const struct mishap *m, struct outcome *ret);

/* Has the TPM's owner have a password, or none any more. */
bool operations_own(const struct operation *op);

/* How many objects and sessions mishaps that strand have left. */
extern unsigned int stranded;

#endif
