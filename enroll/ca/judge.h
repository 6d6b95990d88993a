/* SPDX-License-Identifier: ISC */
/*
 * What a machine sent, judged by a process that has neither the CA's keys nor
 * its store, nor any system call to get at them: it reads a request and
 * certificates that strangers wrote. It shares two pipes with the service,
 * which does by itself what decides who a machine is: the secret, the
 * challenge, the comparison of the answer, and the machine's id. So a parser
 * that is taken over can pass off a key that is in no TPM as one of the TPM
 * that it speaks for, and say that a maker certified it, and nothing else.
 */
#ifndef SKTPM_CA_JUDGE_H
#define SKTPM_CA_JUDGE_H

#include "base/text.h"
#include "ca/evidence.h"
#include "ca/settings.h"

struct judge;

/*
 * Starts the process, before the service opens anything. What it needs, as the
 * vendors' roots, it reads before it is confined. 0, FAIL_INTERNAL or
 * FAIL_MEMORY. The caller ends *ret with judge_end.
 */
int judge_start(const struct settings *settings, struct judge **ret) MUST_CHECK;

/* Hands it lines of the machine, each with its LF. 0 or FAIL_INTERNAL. */
int judge_add(struct judge *judge, struct slice lines) MUST_CHECK;

/* Can be read once it has judged, which may be before the request's end. */
int judge_fd(const struct judge *judge);

/*
 * Waits for its judgement of a whole request, until the deadline
 * (base/clock.h). 0; FAIL_EVIDENCE where it is refused, with what the machine
 * is to be told in *ret_code and *ret_text; FAIL_UNAVAILABLE where
 * EndorsementRoots cannot be read; FAIL_INTERNAL where the process is gone. The
 * caller ends *ret with judged_request_reset.
 */
int judge_result(struct judge *judge, uint64_t deadline,
    struct judged_request *ret, enum message_code *ret_code,
    struct text *ret_text) MUST_CHECK;

/* Takes NULL. */
void judge_end(struct judge *judge);

#endif
