/* SPDX-License-Identifier: ISC */
/*
 * Another object's authorization as a condition (TPM2_PolicySecret), and the
 * ticket that takes its place for a time (TPM2_PolicyTicket): part 3 of the
 * TPM 2.0 Library, 23.4 and 23.5. Both return tpm2-tss's code, for tpm_fail.
 *
 * A ticket is TPM2B_TIMEOUT and TPMT_TK_AUTH, as the TPM returned them. What is
 * in them is the TPM's alone to make and to judge.
 */
#ifndef SKTPM_POLICY_SECRET_H
#define SKTPM_POLICY_SECRET_H

#include "tpm/tpm.h"

#define POLICY_TICKET_MAX 256

/*
 * Has `object` authorize the policy session, for the reference `ref`; `session`
 * has the HMAC with its authValue. With `seconds` other than 0, *ret_ticket
 * does the same in other sessions until they are over; it is empty if the TPM
 * gave none. The TPM counts them from the start of the policy session.
 */
TSS2_RC policy_session_secret(struct tpm *tpm, ESYS_TR object, ESYS_TR session,
    ESYS_TR policy_session, struct slice ref, uint32_t seconds,
    struct bytes *ret_ticket) MUST_CHECK;

/*
 * The same with a ticket, by the session's TPM handle and the object's Name.
 * The object is not needed, and no try of its authValue is spent.
 * TSS2_MU_RC_BAD_VALUE or the like for what is no ticket.
 */
TSS2_RC policy_session_ticket(struct tpm *tpm, uint32_t policy_session,
    struct slice ticket, struct slice name, struct slice ref) MUST_CHECK;

#endif
