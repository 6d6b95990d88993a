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
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "between.h"

struct delay {
	struct between between; /* first: it is a TCTI context */
	char command[16];	/* as the files have it */
	struct timespec sent;	/* when it was */
};

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
	uint32_t code = size >= HEADER_LEN ? get32(command + 6) : 0;

	snprintf(ret, 16, "%x%s", code,
	    code == TPM2_CC_StartAuthSession && size >= 14 &&
		    get32(command + HEADER_LEN) != TPM2_RH_NULL
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
	return Tss2_Tcti_Transmit(d->between.child, size, command);
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	struct delay *d = (struct delay *)context;
	TSS2_RC rc =
	    Tss2_Tcti_Receive(d->between.child, size, response, timeout);

	if (rc == TSS2_RC_SUCCESS && response != NULL) {
		wait_until_due(d);
		take_down(d);
	}
	return rc;
}

BETWEEN(struct delay, "as slow as a chip", transmit, receive, between_finalize);
