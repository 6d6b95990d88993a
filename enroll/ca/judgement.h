/* SPDX-License-Identifier: ISC */
/*
 * What the judge (judge.h) tells the service, in SSH's wire encoding. The
 * service believes nothing of its form: strangers may speak for the judge.
 */
#ifndef SKTPM_CA_JUDGEMENT_H
#define SKTPM_CA_JUDGEMENT_H

#include "base/text.h"
#include "ca/evidence.h"

/* One of these, and then what belongs to it. */
enum verdict {
	VERDICT_GOOD,
	VERDICT_LISTS, /* it is good, and wants no certificate */
	VERDICT_REFUSED,
	VERDICT_UNAVAILABLE,
};

/* Appends that it is good. 0 or FAIL_MEMORY. */
int judgement_put(
    struct bytes *out, const struct judged_request *request) MUST_CHECK;

/* Writes what the last failure was, in place of all in *out. */
int judgement_put_refusal(
    struct bytes *out, enum verdict verdict, enum message_code code) MUST_CHECK;

/*
 * Reads one to its last byte. *ret and *ret_text are to be empty; the caller
 * ends *ret with judged_request_reset, on failure too. 0; FAIL_EVIDENCE and
 * FAIL_UNAVAILABLE, with what the machine is to be told; FAIL_INTERNAL for
 * nothing, and for what no judge says.
 */
int judgement_take(struct slice in, struct judged_request *ret,
    enum message_code *ret_code, struct text *ret_text) MUST_CHECK;

#endif
