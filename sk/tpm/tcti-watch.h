/* SPDX-License-Identifier: ISC */
/*
 * A TCTI around another one that watches what passes: it counts the commands
 * and the time until their answers, and remembers which objects and sessions
 * the TPM has been left with. tpm2-tss alone would lose sight of them after a
 * malformed answer, when it refuses every further command, FlushContext too.
 */
#ifndef SKTPM_TCTI_WATCH_H
#define SKTPM_TCTI_WATCH_H

#include <tss2/tss2_tcti.h>

#include "base/bytes.h"

/* An answer did not come in time; a number that no TCTI uses. */
#define TRAFFIC_RC_NO_ANSWER (TSS2_TCTI_RC_LAYER | 0x7f00U)

/*
 * How long it may take, in seconds: as Linux has it for the command that takes
 * longest, which has a chip look for primes, and for any other (tpm2-cmd.c).
 * Other programs' commands may be before ours. It may take shorter once
 * somebody wants us gone.
 *
 * For a simulator tpm2-tss waits for good; there only a second interrupt helps.
 */
#define TRAFFIC_LIMIT_CREATE_S 300
#define TRAFFIC_LIMIT_S 120
#define TRAFFIC_LIMIT_INTERRUPTED_S 10

/* Far more than we ever have at once. */
#define TRAFFIC_MAX_LOADED 8

struct traffic {
	TSS2_TCTI_CONTEXT_COMMON_V1 common; /* first: it is a TCTI context */
	TSS2_TCTI_CONTEXT *inner;
	unsigned int commands;
	uint64_t sent_us, busy_us;
	uint32_t command_code, flushing; /* of the command under way */
	bool ends_session;
	bool withholds;
	bool gave_up; /* on an answer: nothing can be sent any more */
	uint32_t loaded[TRAFFIC_MAX_LOADED]; /* TPM handles, oldest first */
	size_t n_loaded;
};

/*
 * Makes t a TCTI that passes everything to `inner`, which stays the caller's
 * to finalize and has to outlive t. t itself needs no finalizing.
 */
void traffic_init(struct traffic *t, TSS2_TCTI_CONTEXT *inner);

TSS2_TCTI_CONTEXT *traffic_tcti(struct traffic *t);

/*
 * Tells that the next command, if it succeeds, ends the newest session. It may
 * be sent more than once, as long as the TPM does not get to it.
 */
void traffic_next_ends_session(struct traffic *t);

/*
 * While it withholds, commands are not sent on: TPM_RC_CANCELED answers them,
 * as if the TPM had not begun.
 */
void traffic_withhold(struct traffic *t, bool withholds);

/*
 * Flushes what is still loaded, past tpm2-tss. Nothing in normal courses, nor
 * where an answer never came.
 */
void traffic_flush_leftovers(struct traffic *t);

#endif
