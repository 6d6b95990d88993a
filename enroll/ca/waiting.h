/* SPDX-License-Identifier: ISC */
/*
 * A machine that proved an endorsement key that the store does not have, where
 * Admission says "pending": it waits for an administrator. How many may, and
 * for how long, is bounded, and none is put out for another's sake.
 */
#ifndef SKTPM_CA_WAITING_H
#define SKTPM_CA_WAITING_H

#include "ca/admission.h"

/* Fills *a: it waits, or may not; of one that nobody refused. 0, FAIL_STORE or
 * FAIL_MEMORY. */
int waiting_decide(struct store *store, const struct settings *settings,
    const struct applicant *who, struct admission *a) MUST_CHECK;

/* Whether an administrator refused the machine. 0, FAIL_STORE or FAIL_MEMORY.
 */
int waiting_is_refused(
    struct store *store, const char *id, bool *ret) MUST_CHECK;

/* Writes down what waiting_decide let wait. Within a transaction. */
int waiting_record(struct store *store, const struct settings *settings,
    const struct applicant *who) MUST_CHECK;

#endif
