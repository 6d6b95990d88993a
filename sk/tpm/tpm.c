/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tss2/tss2_tctildr.h>

#include "base/error.h"
#include "base/log.h"
#include "tpm/device.h"
#include "tpm/interrupt.h"
#include "tpm/rc.h"
#include "tpm/retry.h"
#include "tpm/tcti-device.h"
#include "tpm/tcti-watch.h"
#include "tpm/tpm.h"

struct tpm {
	TSS2_TCTI_CONTEXT *loaded; /* by tctildr, or NULL for: */
	struct tcti_device device;
	struct traffic traffic;
	ESYS_CONTEXT *esys; /* NULL until asked for, like sys */
	TSS2_SYS_CONTEXT *sys;
	int lock; /* of the device, or -1 */
	bool managed;
	ESYS_TR guard;		/* or ESYS_TR_NONE */
	sigset_t saved_signals; /* while there is a lock */
	struct interrupt interrupt;
};

/* --- connection -------------------------------------------------------- */

static bool
starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* What a recording records. */
static const char *
recorded(const char *tcti)
{
	return starts_with(tcti, "pcap:") ? tcti + strlen("pcap:") : tcti;
}

static bool
is_abrmd(const char *tcti)
{
	const char *name = recorded(tcti);

	return starts_with(name, "tabrmd:") || strcmp(name, "tabrmd") == 0;
}

bool
tpm_tcti_is_managed(const char *tcti)
{
	return starts_with(recorded(tcti), "device:/dev/tpmrm") ||
	    is_abrmd(tcti);
}

bool
tpm_is_managed(const struct tpm *tpm)
{
	return tpm->managed;
}

/* The path of a device TCTI, also behind a recording; NULL for others. */
static const char *
device_path(const char *tcti)
{
	tcti = recorded(tcti);
	if (!starts_with(tcti, "device:"))
		return NULL;
	return tcti + strlen("device:");
}

/* Why tctildr could not connect; a device can tell more than its code. */
static int
explain_connect(const char *tcti, TSS2_RC rc)
{
	if (device_path(tcti) != NULL)
		return device_explain(device_path(tcti));
	if ((rc & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_NOT_SUPPORTED)
		return fail(FAIL_CONFIG,
		    "no TCTI called \"%.*s\" is installed; use device:, "
		    "swtpm: or tabrmd:, or install its libtss2-tcti library",
		    (int)strcspn(tcti, ":"), tcti);
	if (is_abrmd(tcti))
		return fail(FAIL_UNREACHABLE,
		    "tpm2-abrmd takes no connection at %s: it is not running, "
		    "or has as many as its --max-connections allows",
		    tcti);
	return fail(FAIL_UNREACHABLE, "cannot reach a TPM through %s", tcti);
}

/*
 * tpm2-abrmd has the same code for a client too many and for not running, so
 * that one waits for it in vain, too.
 */
static bool
may_be_free_soon(const char *tcti, int err)
{
	return err == FAIL_TPM_BUSY ||
	    (err == FAIL_UNREACHABLE && is_abrmd(tcti));
}

/*
 * A device that is in use answers EBUSY, and may have become free when we
 * looked why: that is worth a few tries more.
 */
#define MAX_RACES 3

static int
load_tcti(struct tpm *tpm, const char *tcti)
{
	TSS2_RC rc;
	int r;

	for (int races = 0;; races++) {
		rc = Tss2_TctiLdr_Initialize(tcti, &tpm->loaded);
		if (rc == TSS2_RC_SUCCESS)
			return 0;
		r = explain_connect(tcti, rc);
		if (r != FAIL_UNREACHABLE || device_path(tcti) == NULL ||
		    races == MAX_RACES)
			return r;
	}
}

/* A device that nobody records we open ourselves. */
static int
connect_once(struct tpm *tpm, const char *tcti)
{
	if (device_path(tcti) == NULL || recorded(tcti) != tcti)
		return load_tcti(tpm, tcti);
	return tcti_device_open(device_path(tcti), &tpm->device);
}

static int
connect_tcti(struct tpm *tpm, const char *tcti)
{
	struct tpm_retry retry = { 0 };
	int r;

	if (device_path(tcti) != NULL &&
	    (r = device_check(device_path(tcti))) != 0)
		return r;
	do
		r = connect_once(tpm, tcti);
	while (may_be_free_soon(tcti, r) &&
	    tpm_retry_wait(&retry, "another program to close it"));
	return r;
}

int
tpm_open(const char *tcti, struct tpm **ret)
{
	struct tpm *tpm;
	int r;

	if ((tpm = calloc(1, sizeof(*tpm))) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	tpm->lock = -1;
	tpm->guard = ESYS_TR_NONE;
	tpm->managed = tpm_tcti_is_managed(tcti);
	if ((r = connect_tcti(tpm, tcti)) != 0) {
		free(tpm);
		return r;
	}
	traffic_init(&tpm->traffic,
	    tpm->loaded != NULL ? tpm->loaded : tcti_device_tcti(&tpm->device));
	if (!tpm->managed)
		interrupt_hold(&tpm->interrupt);
	log_debug("sk-tpm " SK_TPM_VERSION ", connected to %s", tcti);
	*ret = tpm;
	return 0;
}

void
tpm_set_guard(struct tpm *tpm, ESYS_TR session)
{
	tpm->guard = session;
}

ESYS_TR
tpm_guard(const struct tpm *tpm)
{
	return tpm->guard;
}

ESYS_TR
tpm_guard_beside(const struct tpm *tpm, ESYS_TR session)
{
	return session == tpm->guard ? ESYS_TR_NONE : tpm->guard;
}

void
tpm_unlock(struct tpm *tpm)
{
	if (tpm->lock == -1)
		return;
	close(tpm->lock);
	tpm->lock = -1;
	interrupt_release_stop(&tpm->saved_signals);
}

void
tpm_lock(struct tpm *tpm, const char *tcti)
{
	const char *path = tpm->managed ? device_path(tcti) : NULL;

	if (path == NULL)
		return;
	tpm_unlock(tpm);
	/* Stopped, we would keep the lock until somebody has us go on. */
	interrupt_hold_stop(&tpm->saved_signals);
	if ((tpm->lock = device_lock(path)) == -1) {
		interrupt_release_stop(&tpm->saved_signals);
		log_info("others keep this TPM to themselves; going on");
	}
}

static struct tpm_totals totals;

struct tpm_totals
tpm_totals(void)
{
	return totals;
}

void
tpm_totals_reset(void)
{
	totals = (struct tpm_totals){ 0 };
}

/* It holds the last command, with the password that authorized it. */
static void
free_sys(struct tpm *tpm)
{
	if (tpm->sys == NULL)
		return;
	Tss2_Sys_Finalize(tpm->sys);
	explicit_bzero(tpm->sys, Tss2_Sys_GetContextSize(0));
	free(tpm->sys);
}

void
tpm_close(struct tpm *tpm)
{
	if (tpm == NULL)
		return;
	tpm_flush_last(tpm, &tpm->guard);
	totals.commands += tpm->traffic.commands;
	totals.busy_us += tpm->traffic.busy_us;
	tpm_unlock(tpm);
	Esys_Finalize(&tpm->esys);
	free_sys(tpm);
	if (!tpm->managed)
		traffic_flush_leftovers(&tpm->traffic);
	if (tpm->traffic.commands > 0)
		log_debug("sent %u TPM commands, %.1f ms until their answers",
		    tpm->traffic.commands, (double)tpm->traffic.busy_us / 1000);
	if (tpm->loaded != NULL)
		Tss2_TctiLdr_Finalize(&tpm->loaded);
	else
		tcti_device_close(&tpm->device);
	interrupt_release(&tpm->interrupt);
	free(tpm);
}

ESYS_CONTEXT *
tpm_esys(struct tpm *tpm)
{
	ESYS_CONTEXT *esys;
	TSS2_RC rc;

	if (tpm->esys != NULL)
		return tpm->esys;
	rc = Esys_Initialize(&esys, traffic_tcti(&tpm->traffic), NULL);
	if (rc == TSS2_RC_SUCCESS)
		tpm->esys = esys;
	else
		log_debug("Esys_Initialize failed: 0x%x", rc);
	return tpm->esys;
}

TSS2_SYS_CONTEXT *
tpm_sys(struct tpm *tpm)
{
	TSS2_ABI_VERSION version = TSS2_ABI_VERSION_CURRENT;
	size_t size = Tss2_Sys_GetContextSize(0);
	TSS2_RC rc;

	if (tpm->sys != NULL || (tpm->sys = calloc(1, size)) == NULL)
		return tpm->sys;
	rc = Tss2_Sys_Initialize(
	    tpm->sys, size, traffic_tcti(&tpm->traffic), &version);
	if (rc != TSS2_RC_SUCCESS) {
		log_debug("Tss2_Sys_Initialize failed: 0x%x", rc);
		free(tpm->sys);
		tpm->sys = NULL;
	}
	return tpm->sys;
}

void
tpm_next_ends_session(struct tpm *tpm)
{
	traffic_next_ends_session(&tpm->traffic);
}

void
tpm_withhold(struct tpm *tpm, bool withholds)
{
	traffic_withhold(&tpm->traffic, withholds);
}

void
tpm_flush(struct tpm *tpm, ESYS_TR *object)
{
	TSS2_RC rc;

	if (*object == ESYS_TR_NONE)
		return;
	rc = TPM_RETRY(Esys_FlushContext(tpm_esys(tpm), *object));
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

int
tpm_with(const char *tcti, tpm_work *work, void *what)
{
	struct tpm_retry retry = { 0 };
	struct tpm *tpm;
	int r;

	do {
		if ((r = tpm_open(tcti, &tpm)) != 0)
			return r;
		r = work(tpm, what);
		tpm_close(tpm);
	} while (r == FAIL_TPM_FULL &&
	    tpm_retry_wait(&retry, "other programs to flush their keys"));
	return r;
}
