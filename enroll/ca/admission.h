/* SPDX-License-Identifier: ISC */
/*
 * Whether a machine that proved that it has a key may have a certificate for
 * it: is it known, is the key its one key of that type, does its profile allow
 * it.
 */
#ifndef SKTPM_CA_ADMISSION_H
#define SKTPM_CA_ADMISSION_H

#include "attest/machine-id.h"
#include "base/text.h"
#include "ca/evidence.h"
#include "ca/inventory.h"
#include "ca/settings.h"

/* What was proven, and by which login it came. */
struct applicant {
	char id[MACHINE_ID_LEN + 1];
	char fingerprint[STORE_FINGERPRINT_LEN + 1]; /* of the key */
	char login[STORE_FINGERPRINT_LEN + 1];	     /* empty: none */
	char person[STORE_PERSON_MAX + 1];   /* who logged in; empty: the
						account of machines */
	char address[STORE_ADDRESS_MAX + 1]; /* from where, as relay says; a
						person's is their name */
	int64_t now;			     /* seconds since 1970 */
	const struct judged_request *request;
	const struct inventory *inventory; /* NULL: it was not asked */
};

enum admission_outcome {
	ADMITTED,
	WAITS, /* for an administrator */
	REFUSED,
};

struct admission {
	enum admission_outcome outcome;
	enum message_code code; /* where it is refused */
	struct text text;	/* what the machine is told, unless admitted */
	struct store_machine machine; /* number 0: not known */
	const struct profile *profile;
	const struct texts *principals; /* of the type that is asked for */
	bool joins;    /* the inventory has it, and the store is to */
	bool first;    /* the key is new to the store, or was not seen */
	bool replaces; /* the key by which the login was */
};

/*
 * Whether InventoryCommand has to be asked first: for a stranger that a maker
 * certified, where Admission says so, and for a machine that came by it.
 * 0, FAIL_STORE or FAIL_MEMORY.
 */
int admission_asks_inventory(struct store *store,
    const struct settings *settings, const struct applicant *who,
    bool *ret) MUST_CHECK;

/* Reads the store alone. 0, FAIL_STORE or FAIL_MEMORY. */
int admission_decide(struct store *store, const struct settings *settings,
    const struct applicant *who, struct admission *ret) MUST_CHECK;

/*
 * Writes down what was decided of the key: that it waits, or has its place. In
 * the transaction of the certificate; a machine that joins has a number then.
 * 0, FAIL_STORE or FAIL_MEMORY.
 */
int admission_record(struct store *store, const struct settings *settings,
    const struct applicant *who, struct admission *admission) MUST_CHECK;

#endif
