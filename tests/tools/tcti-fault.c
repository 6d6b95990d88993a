/* SPDX-License-Identifier: ISC */
/*
 * A TCTI between a program and another TCTI that goes wrong on purpose.
 * "fault:swtpm:port=2321" passes everything to swtpm:port=2321, but for what
 * SK_TPM_FAULT says: a list of N:ACTION separated by commas, N counting the
 * commands of the process from 1. ACTION is
 *
 *	rc=0xNNN	answer with this response code, do not pass it on
 *	rc=0xNNN*K	the same for this command and the next K - 1
 *	flip=OFFSET	flip a bit of the response's byte at OFFSET, which
 *			counts from the end if it is negative
 *	flip=OFFSET.BIT	the same with another bit than 0
 *	cut=N		take N bytes off the response's end
 *	cut=N!		the same, and have its header agree
 *	pad=N, pad=N!	put N bytes more at its end, likewise
 *	noise=SEED	random bytes in place of all that follows its header
 *	delay=MS	have the answer wait
 *	drop		fail to send
 *	lost		send, but fail to receive
 *	gone		fail to send, now and ever after in this connection
 *	kill		end this process, the command sent, its answer unread
 *	interrupt	send SIGINT to ourselves, and go on
 *	hang		send, and never have an answer
 *	deaf		the same, and wait for it for good, as tpm2-tss does for
 *			a simulator, whatever time is given
 *	stop		stop before sending, until somebody sends SIGCONT
 */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "between.h"

struct fault {
	struct between between; /* first: it is a TCTI context */
	uint32_t answer;	/* a response code of our own, or 0 */
	const char *action;	/* what to do with the answer */
	bool gone;
};

/*
 * Numbers the commands of the process. In the environment, for the library is
 * unloaded between connections.
 */
static unsigned int
count(void)
{
	const char *before = getenv("SK_TPM_FAULT_COUNT");
	char now[16];

	snprintf(now, sizeof(now), "%lu",
	    (before != NULL ? strtoul(before, NULL, 10) : 0) + 1);
	setenv("SK_TPM_FAULT_COUNT", now, 1);
	return (unsigned int)strtoul(now, NULL, 10);
}

/* The action for command n, or NULL. */
static const char *
find_action(unsigned int n)
{
	const char *p = getenv("SK_TPM_FAULT");
	char *end;

	while (p != NULL && *p != '\0') {
		unsigned long first = strtoul(p, &end, 10), count = 1;
		const char *action = end + 1, *star;
		const char *next = strchr(action, ',');

		star = strchr(action, '*');
		if (star != NULL && (next == NULL || star < next))
			count = strtoul(star + 1, NULL, 10);
		if (*end == ':' && n >= first && n < first + count)
			return action;
		p = next != NULL ? next + 1 : NULL;
	}
	return NULL;
}

/* Waits for the answer, so that the TPM is known to have acted. */
static void
send_and_die(TSS2_TCTI_CONTEXT *child, size_t size, uint8_t const *command)
{
	uint8_t response[4096];
	size_t n = sizeof(response);

	if (Tss2_Tcti_Transmit(child, size, command) == TSS2_RC_SUCCESS)
		Tss2_Tcti_Receive(child, &n, response, 10000);
	raise(SIGKILL);
}

static bool
is(const char *action, const char *name)
{
	return strncmp(action, name, strlen(name)) == 0;
}

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, uint8_t const *command)
{
	struct fault *f = (struct fault *)context;
	const char *action = find_action(count());

	f->answer = 0;
	f->action = action != NULL ? action : "";
	if (is(f->action, "gone"))
		f->gone = true;
	if (f->gone || is(f->action, "drop"))
		return TSS2_TCTI_RC_IO_ERROR;
	if (is(f->action, "rc=")) {
		f->answer = (uint32_t)strtoul(f->action + 3, NULL, 0);
		return TSS2_RC_SUCCESS;
	}
	if (is(f->action, "interrupt"))
		raise(SIGINT);
	if (is(f->action, "stop"))
		raise(SIGSTOP);
	if (is(f->action, "kill"))
		send_and_die(f->between.child, size, command);
	return Tss2_Tcti_Transmit(f->between.child, size, command);
}

static void
flip(const char *offset, uint8_t *response, size_t size)
{
	char *end;
	long at = strtol(offset, &end, 10);
	int bit = *end == '.' ? atoi(end + 1) : 0;

	if (at < 0)
		at += (long)size;
	if (at >= 0 && (size_t)at < size)
		response[at] ^= (uint8_t)(1 << bit);
}

/* By `change` bytes at the end; `room` is how many the buffer holds. */
static void
resize(const char *arg, int sign, uint8_t *response, size_t *size, size_t room)
{
	char *end;
	long change = sign * strtol(arg, &end, 10);
	long now = (long)*size + change;

	if (now < 0)
		now = 0;
	if ((size_t)now > room)
		now = (long)room;
	if ((size_t)now > *size)
		memset(response + *size, 0, (size_t)now - *size);
	*size = (size_t)now;
	if (*end == '!' && *size >= HEADER_LEN)
		put32(response + 2, (uint32_t)now);
}

static void
make_noise(const char *seed, uint8_t *response, size_t size)
{
	unsigned int state = (unsigned int)atoi(seed);

	for (size_t i = HEADER_LEN; i < size; i++)
		response[i] = (uint8_t)rand_r(&state);
}

static void
wait_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void
spoil(const char *action, uint8_t *response, size_t *size, size_t room)
{
	if (is(action, "flip="))
		flip(action + 5, response, *size);
	else if (is(action, "cut="))
		resize(action + 4, -1, response, size, room);
	else if (is(action, "pad="))
		resize(action + 4, 1, response, size, room);
	else if (is(action, "noise="))
		make_noise(action + 6, response, *size);
	else if (is(action, "delay="))
		wait_ms(atol(action + 6));
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	struct fault *f = (struct fault *)context;
	size_t room = *size;
	TSS2_RC rc;

	if (f->answer != 0)
		return answer_with_rc(f->answer, size, response);
	if (is(f->action, "hang") && timeout >= 0) {
		return poll(NULL, 0, timeout) == 0 ? TSS2_TCTI_RC_TRY_AGAIN
						   : TSS2_TCTI_RC_IO_ERROR;
	}
	/* As a read from a socket, a signal that is handled does not end it. */
	while (is(f->action, "hang") || is(f->action, "deaf"))
		pause();
	rc = Tss2_Tcti_Receive(f->between.child, size, response, timeout);
	if (rc != TSS2_RC_SUCCESS || response == NULL)
		return rc;
	if (is(f->action, "lost"))
		return TSS2_TCTI_RC_IO_ERROR;
	spoil(f->action, response, size, room);
	return TSS2_RC_SUCCESS;
}

BETWEEN(
    struct fault, "goes wrong on purpose", transmit, receive, between_finalize);
