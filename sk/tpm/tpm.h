/* SPDX-License-Identifier: ISC */
/*
 * A connection to a TPM 2.0: opening and closing it, flushing what was put into
 * it, locking it, and what all connections have cost.
 */
#ifndef SKTPM_TPM_H
#define SKTPM_TPM_H

#include <tss2/tss2_esys.h>
#include <tss2/tss2_sys.h>

#include "base/bytes.h"

struct tpm;

/*
 * Connects to the TPM that `tcti`, which has to outlive *ret, names in
 * tctildr's "name:conf" form. Sends nothing to it. The caller ends *ret with
 * tpm_close.
 *
 * Where no resource manager would clean up after us (see tpm_tcti_is_managed)
 * SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGTSTP are held back until tpm_close,
 * so that an interrupt cannot leave an object in the TPM. A second one ends the
 * process, if the TPM does not answer.
 *
 * A device has to be a character device, so that no file is written to.
 *
 * 0, FAIL_NO_DEVICE, FAIL_PERMISSION, FAIL_UNREACHABLE, FAIL_TPM_BUSY,
 * FAIL_CONFIG (no such TCTI) or FAIL_MEMORY.
 */
int tpm_open(const char *tcti, struct tpm **ret) MUST_CHECK;

/* Takes NULL. */
void tpm_close(struct tpm *tpm);

/*
 * What tpm2-tss's two layers keep of a connection. Each is made when it is
 * first asked for, and sends nothing. NULL where it cannot be made: every
 * function of tpm2-tss answers that with a code that tpm_fail knows.
 */
ESYS_CONTEXT *tpm_esys(struct tpm *tpm);
TSS2_SYS_CONTEXT *tpm_sys(struct tpm *tpm);

/*
 * True for a TCTI behind which a resource manager (the kernel's /dev/tpmrm0,
 * tpm2-abrmd) frees what a connection leaves. There a FlushContext at the end
 * is waste: the manager surrounds every command with context switches of its
 * own.
 */
bool tpm_tcti_is_managed(const char *tcti);
bool tpm_is_managed(const struct tpm *tpm);

/* Flushes *object now and sets it to ESYS_TR_NONE; takes ESYS_TR_NONE. */
void tpm_flush(struct tpm *tpm, ESYS_TR *object);

/* The same for what tpm_close is about to end: leaves it to a manager. */
void tpm_flush_last(struct tpm *tpm, ESYS_TR *object);

/* What all connections of this process have cost, once they are closed. */
struct tpm_totals {
	unsigned int commands;
	uint64_t busy_us; /* until the TPM's answers */
};

struct tpm_totals tpm_totals(void);
void tpm_totals_reset(void);

/* Tells that the next command, if it succeeds, ends the session it uses. */
void tpm_next_ends_session(struct tpm *tpm);

/*
 * Holds off other processes of ours, from here to tpm_unlock or tpm_close.
 * That is so for the kernel's /dev/tpmrm0 only: elsewhere there is nothing that
 * we all can lock. `tcti` is what it was opened with. (A TPM without a resource
 * manager has one user anyway.) SIGTSTP is held back as long.
 */
void tpm_lock(struct tpm *tpm, const char *tcti);
void tpm_unlock(struct tpm *tpm);

/*
 * A session in which this connection's TPM is known by its answers, from where
 * it is set until tpm_close ends it; ESYS_TR_NONE before. It goes beside the
 * session that authorizes a command, and has the TPM check what is sent, and
 * tpm2-tss what is answered. It may authorize a command itself: beside itself
 * it does not go.
 */
void tpm_set_guard(struct tpm *tpm, ESYS_TR session);
ESYS_TR tpm_guard(const struct tpm *tpm);
ESYS_TR tpm_guard_beside(const struct tpm *tpm, ESYS_TR session);

/* While it withholds, no command is sent; each fails with TPM_RC_CANCELED. */
void tpm_withhold(struct tpm *tpm, bool withholds);

/*
 * Something to be done with a TPM. It may be called again, and leaves no result
 * in `what` where it fails.
 */
typedef int tpm_work(struct tpm *tpm, void *what);

/*
 * Opens the TPM, has the work done and closes it: again, for a while, as long
 * as that gives FAIL_TPM_FULL. Room comes when another program ends or flushes,
 * which it may not be able to do while we hold the connection; so each try has
 * a connection of its own. 0, or what tpm_open or the work give.
 */
int tpm_with(const char *tcti, tpm_work *work, void *what) MUST_CHECK;

#endif
