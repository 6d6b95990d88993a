/* SPDX-License-Identifier: ISC */
#include <time.h>

#include "base/log.h"
#include "tpm/interrupt.h"
#include "tpm/rc.h"
#include "tpm/retry.h"

/* --- trying again ------------------------------------------------------ */

#define FIRST_WAIT_MS 4u
#define LONGEST_WAIT_MS 1024
#define MAX_WAIT_MS 20000
#define MAX_TRIES 17	   /* 4, 8, ... 512, then 9 of 1,024: ten seconds */
#define TRIES_IN_SILENCE 8 /* the first second */

/* From half of it to all of it, so that several waiters part ways. */
static void
sleep_jittered(unsigned int ms)
{
	struct timespec now, wait;
	long ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (long)ms * 500000 + (long)ms * (now.tv_nsec % 500000);
	wait.tv_sec = ns / 1000000000;
	wait.tv_nsec = ns % 1000000000;
	nanosleep(&wait, NULL);
}

/* Over all operations: a retry within a retry must not multiply. */
static unsigned int waited_ms;

void
tpm_retry_reset(void)
{
	waited_ms = 0;
}

bool
tpm_retry_wait(struct tpm_retry *retry, const char *waiting_for)
{
	static bool noticed;
	unsigned int ms = LONGEST_WAIT_MS;

	if (retry->tries >= MAX_TRIES || waited_ms >= MAX_WAIT_MS ||
	    interrupt_came())
		return false;
	if (retry->tries < TRIES_IN_SILENCE)
		ms = FIRST_WAIT_MS << retry->tries;
	else if (!noticed) {
		log_info("the TPM is busy, waiting for %s", waiting_for);
		noticed = true;
	}
	retry->tries++;
	waited_ms += ms;
	sleep_jittered(ms);
	return true;
}

bool
tpm_again(struct tpm_retry *retry, TSS2_RC rc)
{
	switch (tpm_rc(rc)) {
	case TPM2_RC_RETRY:
	case TPM2_RC_TESTING:
	case TPM2_RC_YIELDED:
	case TPM2_RC_NV_RATE:
		return tpm_retry_wait(retry, "it to be ready");
	default:
		return false;
	}
}
