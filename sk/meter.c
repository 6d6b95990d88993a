/* SPDX-License-Identifier: ISC */
/* The TCTI interface: TSS 2.0 TPM Command Transmission Interface, section 3. */
#include <time.h>

#include "meter.h"

#define MAGIC 0x736b6d6574657201ULL

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, uint8_t const *command)
{
	struct meter *m = (struct meter *)context;

	m->commands++;
	m->sent_us = now_us();
	return Tss2_Tcti_Transmit(m->inner, size, command);
}

/* tpm2-tss may ask for the size first and for the answer after. */
static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	struct meter *m = (struct meter *)context;
	TSS2_RC rc = Tss2_Tcti_Receive(m->inner, size, response, timeout);
	uint64_t now = now_us();

	m->busy_us += now - m->sent_us;
	m->sent_us = now;
	return rc;
}

static TSS2_RC
cancel(TSS2_TCTI_CONTEXT *context)
{
	return Tss2_Tcti_Cancel(((struct meter *)context)->inner);
}

static TSS2_RC
get_poll_handles(
    TSS2_TCTI_CONTEXT *context, TSS2_TCTI_POLL_HANDLE *handles, size_t *n)
{
	return Tss2_Tcti_GetPollHandles(
	    ((struct meter *)context)->inner, handles, n);
}

static TSS2_RC
set_locality(TSS2_TCTI_CONTEXT *context, uint8_t locality)
{
	return Tss2_Tcti_SetLocality(
	    ((struct meter *)context)->inner, locality);
}

void
meter_init(struct meter *m, TSS2_TCTI_CONTEXT *inner)
{
	*m = (struct meter){
		.common = {
			.magic = MAGIC,
			.version = 1,
			.transmit = transmit,
			.receive = receive,
			.cancel = cancel,
			.getPollHandles = get_poll_handles,
			.setLocality = set_locality,
		},
		.inner = inner,
	};
}

TSS2_TCTI_CONTEXT *
meter_tcti(struct meter *m)
{
	return (TSS2_TCTI_CONTEXT *)m;
}
