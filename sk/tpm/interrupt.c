/* SPDX-License-Identifier: ISC */
#include "tpm/interrupt.h"

static const int signals[INTERRUPT_N_SIGNALS] = { SIGINT, SIGTERM, SIGHUP,
	SIGQUIT };

static volatile sig_atomic_t came;

/* Those that are put off now. */
static sigset_t held;
static bool holds;

static void
on_signal(int sig)
{
	/* By its default it ends us, as soon as this has returned. */
	if (came != 0) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
	came = sig;
}

void
interrupt_hold(struct interrupt *ret)
{
	struct sigaction action = { .sa_handler = on_signal,
		.sa_flags = SA_RESTART };
	sigset_t set;

	*ret = (struct interrupt){ 0 };
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	for (size_t i = 0; i < INTERRUPT_N_SIGNALS; i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, &ret->mask);
	ret->held = holds = true;
	came = 0;
	sigemptyset(&held);
	for (size_t i = 0; i < INTERRUPT_N_SIGNALS; i++) {
		sigaction(signals[i], NULL, &ret->actions[i]);
		if (ret->actions[i].sa_handler == SIG_IGN ||
		    sigismember(&ret->mask, signals[i]))
			continue;
		sigaddset(&held, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
}

void
interrupt_release(struct interrupt *in)
{
	int sig = came;

	if (!in->held)
		return;
	in->held = holds = false;
	came = 0;
	for (size_t i = 0; i < INTERRUPT_N_SIGNALS; i++)
		sigaction(signals[i], &in->actions[i], NULL);
	sigprocmask(SIG_SETMASK, &in->mask, NULL);
	if (sig != 0)
		raise(sig);
}

void
interrupt_let_in(void)
{
	if (holds)
		sigprocmask(SIG_UNBLOCK, &held, NULL);
}

void
interrupt_keep_out(void)
{
	if (holds)
		sigprocmask(SIG_BLOCK, &held, NULL);
}

bool
interrupt_came(void)
{
	interrupt_let_in();
	interrupt_keep_out();
	return came != 0;
}

void
interrupt_hold_stop(sigset_t *ret_saved)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, ret_saved);
}

void
interrupt_release_stop(const sigset_t *saved)
{
	sigprocmask(SIG_SETMASK, saved, NULL);
}
