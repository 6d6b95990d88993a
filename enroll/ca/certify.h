/* SPDX-License-Identifier: ISC */
/* From a proven key to a certificate: decided, signed, written down. */
#ifndef SKTPM_CA_CERTIFY_H
#define SKTPM_CA_CERTIFY_H

#include "ca/admission.h"
#include "ca/audit.h"

/*
 * Decides, has the certificate signed, and commits it with all that was decided
 * and its audit row. Then *ret_lines is what the machine is sent. Where *ret is
 * REFUSED, nothing was written: the caller does that. 0, with or without a
 * certificate; FAIL_UNAVAILABLE, FAIL_STORE or FAIL_MEMORY where nothing was
 * issued.
 */
int certify(struct store *store, const struct settings *settings,
    const struct applicant *who, struct admission *ret,
    struct bytes *ret_lines) MUST_CHECK;

/* An event of the audit log about this machine and key; borrows from *who. */
struct audit_event certify_event(const struct applicant *who, const char *what);

#endif
