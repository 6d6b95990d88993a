/* SPDX-License-Identifier: ISC */
/*
 * A TCTI that makes another one as slow as a chip, and takes down what passes.
 * "delay:swtpm:port=2321" passes everything to swtpm:port=2321.
 *
 * SK_TPM_DELAYS names a file of lines "CODE MILLISECONDS ...": the answer to
 * the command with that code, in hex, is not handed out before that time has
 * passed since it was sent. CODE+salt is StartAuthSession with a key to
 * decrypt the salt. Commands without a line take what they take.
 * SK_TPM_DELAY_LOG names a file that gets a line "CODE MICROSECONDS" for each
 * command, the delay included.
 *
 * Source of the interface: TSS 2.0 TCTI specification, section 3.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tctildr.h>
#include <tss2/tss2_tpm2_types.h>

#define MAGIC 0x736b646c61790001ULL

struct delay {
	TSS2_TCTI_CONTEXT_COMMON_V1 common;
	TSS2_TCTI_CONTEXT *child;
	char command[16];     /* as the files have it */
	struct timespec sent; /* when it was */
};

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static int64_t
us_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)(now.tv_sec - then->tv_sec) * 1000000 +
	    (now.tv_nsec - then->tv_nsec) / 1000;
}

/* Tag, size, code; and then, for StartAuthSession, the key for the salt. */
static void
name_command(size_t size, const uint8_t *command, char ret[16])
{
	uint32_t code = size >= 10 ? be32(command + 6) : 0;

	snprintf(ret, 16, "%x%s", code,
	    code == TPM2_CC_StartAuthSession && size >= 14 &&
		    be32(command + 10) != TPM2_RH_NULL
		? "+salt"
		: "");
}

static int64_t
delay_us(const char *command)
{
	const char *path = getenv("SK_TPM_DELAYS");
	char line[256], name[32];
	double ms = 0, found = 0;
	FILE *in;

	if (path == NULL)
		return 0;
	if ((in = fopen(path, "re")) == NULL) {
		perror(path);
		abort();
	}
	while (fgets(line, sizeof(line), in) != NULL)
		if (sscanf(line, "%31s %lf", name, &ms) == 2 &&
		    strcmp(name, command) == 0)
			found = ms;
	fclose(in);
	return (int64_t)(found * 1000);
}

static void
wait_until_due(const struct delay *d)
{
	int64_t us = delay_us(d->command);
	struct timespec due = d->sent;

	due.tv_sec += us / 1000000;
	due.tv_nsec += us % 1000000 * 1000;
	if (due.tv_nsec >= 1000000000) {
		due.tv_sec++;
		due.tv_nsec -= 1000000000;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0)
		;
}

static void
take_down(const struct delay *d)
{
	const char *path = getenv("SK_TPM_DELAY_LOG");
	FILE *out;

	if (path == NULL)
		return;
	if ((out = fopen(path, "ae")) == NULL) {
		perror(path);
		abort();
	}
	fprintf(out, "%s %jd\n", d->command, (intmax_t)us_since(&d->sent));
	fclose(out);
}

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, uint8_t const *command)
{
	struct delay *d = (struct delay *)context;

	name_command(size, command, d->command);
	clock_gettime(CLOCK_MONOTONIC, &d->sent);
	return Tss2_Tcti_Transmit(d->child, size, command);
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	struct delay *d = (struct delay *)context;
	TSS2_RC rc = Tss2_Tcti_Receive(d->child, size, response, timeout);

	if (rc == TSS2_RC_SUCCESS && response != NULL) {
		wait_until_due(d);
		take_down(d);
	}
	return rc;
}

/* A resource manager asks for these. */
static TSS2_RC
cancel(TSS2_TCTI_CONTEXT *context)
{
	return Tss2_Tcti_Cancel(((struct delay *)context)->child);
}

static TSS2_RC
get_poll_handles(
    TSS2_TCTI_CONTEXT *context, TSS2_TCTI_POLL_HANDLE *handles, size_t *n)
{
	return Tss2_Tcti_GetPollHandles(
	    ((struct delay *)context)->child, handles, n);
}

static TSS2_RC
set_locality(TSS2_TCTI_CONTEXT *context, uint8_t locality)
{
	return Tss2_Tcti_SetLocality(
	    ((struct delay *)context)->child, locality);
}

static void
finalize(TSS2_TCTI_CONTEXT *context)
{
	Tss2_TctiLdr_Finalize(&((struct delay *)context)->child);
}

static TSS2_RC
init(TSS2_TCTI_CONTEXT *context, size_t *size, const char *conf)
{
	struct delay *d = (struct delay *)context;

	if (context == NULL) {
		*size = sizeof(*d);
		return TSS2_RC_SUCCESS;
	}
	memset(d, 0, sizeof(*d));
	d->common.magic = MAGIC;
	d->common.version = 1;
	d->common.transmit = transmit;
	d->common.receive = receive;
	d->common.cancel = cancel;
	d->common.getPollHandles = get_poll_handles;
	d->common.setLocality = set_locality;
	d->common.finalize = finalize;
	return Tss2_TctiLdr_Initialize(conf, &d->child);
}

static const TSS2_TCTI_INFO info = {
	.version = 1,
	.name = "tcti-delay",
	.description = "as slow as a chip",
	.config_help = "name:conf of the TCTI behind",
	.init = init,
};

/* The one symbol that tctildr looks up. */
__attribute__((visibility("default"))) const TSS2_TCTI_INFO *Tss2_Tcti_Info(
    void);

const TSS2_TCTI_INFO *
Tss2_Tcti_Info(void)
{
	return &info;
}
