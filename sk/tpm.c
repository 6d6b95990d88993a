/* SPDX-License-Identifier: ISC */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tss2/tss2_tctildr.h>

#include "device.h"
#include "error.h"
#include "log.h"
#include "meter.h"
#include "tpm.h"

struct tpm {
	TSS2_TCTI_CONTEXT *tcti;
	struct meter meter;
	ESYS_CONTEXT *esys;
	bool managed;
	bool holds_signals;
	sigset_t saved_signals;
};

/* --- connection -------------------------------------------------------- */

static bool
starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool
is_managed(const char *tcti)
{
	const char *name = starts_with(tcti, "pcap:") ? tcti + 5 : tcti;

	return starts_with(name, "device:/dev/tpmrm") ||
	    starts_with(name, "tabrmd:") || strcmp(name, "tabrmd") == 0;
}

static void
hold_signals(struct tpm *tpm)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTSTP);
	tpm->holds_signals =
	    sigprocmask(SIG_BLOCK, &set, &tpm->saved_signals) == 0;
}

/* Why tctildr could not connect; a device can tell more than its code. */
static int
explain_connect(const char *tcti, TSS2_RC rc)
{
	if (starts_with(tcti, "device:"))
		return device_explain(tcti + strlen("device:"));
	if ((rc & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_NOT_SUPPORTED)
		return fail(FAIL_CONFIG,
		    "no TCTI called \"%.*s\" is installed; use device:, "
		    "swtpm: or tabrmd:, or install its libtss2-tcti library",
		    (int)strcspn(tcti, ":"), tcti);
	return fail(FAIL_UNREACHABLE, "cannot reach a TPM through %s", tcti);
}

static int
connect_tcti(struct tpm *tpm, const char *tcti)
{
	struct tpm_retry retry = { 0 };
	TSS2_RC rc;
	int r;

	for (;;) {
		rc = Tss2_TctiLdr_Initialize(tcti, &tpm->tcti);
		if (rc == TSS2_RC_SUCCESS)
			return 0;
		r = explain_connect(tcti, rc);
		if (r != FAIL_TPM_BUSY ||
		    !tpm_retry_wait(&retry, "another program to close it"))
			return r;
	}
}

int
tpm_open(const char *tcti, struct tpm **ret)
{
	struct tpm *tpm;
	TSS2_RC rc;
	int r;

	if ((tpm = calloc(1, sizeof(*tpm))) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	tpm->managed = is_managed(tcti);
	if ((r = connect_tcti(tpm, tcti)) != 0)
		goto out;
	meter_init(&tpm->meter, tpm->tcti);
	rc = Esys_Initialize(&tpm->esys, meter_tcti(&tpm->meter), NULL);
	if (rc != TSS2_RC_SUCCESS) {
		r = tpm_fail(rc, "start a connection");
		goto out;
	}
	if (!tpm->managed)
		hold_signals(tpm);
	log_debug("connected to %s", tcti);
	*ret = tpm;
	tpm = NULL;
out:
	tpm_close(tpm);
	return r;
}

void
tpm_close(struct tpm *tpm)
{
	if (tpm == NULL)
		return;
	if (tpm->meter.commands > 0)
		log_debug("sent %u TPM commands, %.1f ms until their answers",
		    tpm->meter.commands, (double)tpm->meter.busy_us / 1000);
	Esys_Finalize(&tpm->esys);
	Tss2_TctiLdr_Finalize(&tpm->tcti);
	if (tpm->holds_signals)
		sigprocmask(SIG_SETMASK, &tpm->saved_signals, NULL);
	free(tpm);
}

ESYS_CONTEXT *
tpm_esys(const struct tpm *tpm)
{
	return tpm->esys;
}

bool
tpm_is_managed(const struct tpm *tpm)
{
	return tpm->managed;
}

void
tpm_flush(struct tpm *tpm, ESYS_TR *object)
{
	struct tpm_retry retry = { 0 };
	TSS2_RC rc;

	if (*object == ESYS_TR_NONE)
		return;
	do
		rc = Esys_FlushContext(tpm->esys, *object);
	while (tpm_again(&retry, rc));
	if (rc != TSS2_RC_SUCCESS)
		log_debug("FlushContext failed: 0x%x", rc);
	*object = ESYS_TR_NONE;
}

void
tpm_flush_last(struct tpm *tpm, ESYS_TR *object)
{
	if (!tpm->managed)
		tpm_flush(tpm, object);
}

/* --- trying again ------------------------------------------------------ */

#define FIRST_WAIT_MS 4
#define LONGEST_WAIT_MS 1024
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

bool
tpm_retry_wait(struct tpm_retry *retry, const char *waiting_for)
{
	unsigned int ms = LONGEST_WAIT_MS;

	if (retry->tries >= MAX_TRIES)
		return false;
	if (retry->tries < 8)
		ms = FIRST_WAIT_MS << retry->tries;
	if (retry->tries == TRIES_IN_SILENCE)
		log_info("the TPM is busy, waiting for %s", waiting_for);
	retry->tries++;
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
