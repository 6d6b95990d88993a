/* SPDX-License-Identifier: ISC */
/*
 * SIGINT, SIGTERM, SIGHUP and SIGQUIT, put off while something is in the TPM
 * that has to be flushed. The first one waits; a second one ends the process at
 * once.
 */
#ifndef SKTPM_INTERRUPT_H
#define SKTPM_INTERRUPT_H

#include <signal.h>
#include <stddef.h>
#include <stdbool.h>

#define INTERRUPT_N_SIGNALS 4

struct interrupt {
	bool held;
	sigset_t mask;
	struct sigaction actions[INTERRUPT_N_SIGNALS];
};

/*
 * Puts them off, and SIGTSTP with them. What the caller ignores stays ignored.
 * interrupt_release lets those act that came; takes { 0 }.
 */
void interrupt_hold(struct interrupt *ret);
void interrupt_release(struct interrupt *in);

/*
 * A wait that may last goes between these two. In it a second signal is heeded,
 * and system calls are begun again or fail with EINTR. Where nothing is put off
 * they do nothing.
 */
void interrupt_let_in(void);
void interrupt_keep_out(void);

/* True once somebody wants us gone. A second signal is heeded here, too. */
bool interrupt_came(void);

/* SIGTSTP alone: until `saved` is given back, a stop waits. */
void interrupt_hold_stop(sigset_t *ret_saved);
void interrupt_release_stop(const sigset_t *saved);

#endif
