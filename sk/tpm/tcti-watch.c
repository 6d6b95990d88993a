/* SPDX-License-Identifier: ISC */
/*
 * The TCTI interface: TSS 2.0 TPM Command Transmission Interface, section 3.
 * Commands and answers: TPM 2.0 Library, part 1, section 18: tag, size and
 * code (of the command, of the response), and then handles.
 */
#include <string.h>

#include <tss2/tss2_tpm2_types.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/wire.h"
#include "tpm/interrupt.h"
#include "tpm/tcti-watch.h"

#define MAGIC 0x736b747266666301ULL

#define RESPONSE_TIMEOUT_MS 10000

/* --- what is loaded ---------------------------------------------------- */

static void
remember(struct traffic *t, uint32_t handle)
{
	if (t->n_loaded < TRAFFIC_MAX_LOADED)
		t->loaded[t->n_loaded++] = handle;
}

static void
forget(struct traffic *t, uint32_t handle)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_loaded; i++)
		if (t->loaded[i] != handle)
			t->loaded[n++] = t->loaded[i];
	t->n_loaded = n;
}

static bool
is_session(uint32_t handle)
{
	return handle >> TPM2_HR_SHIFT == TPM2_HT_HMAC_SESSION ||
	    handle >> TPM2_HR_SHIFT == TPM2_HT_POLICY_SESSION;
}

/* The one in use; an older one is left where it could not be flushed. */
static void
forget_newest_session(struct traffic *t)
{
	for (size_t i = t->n_loaded; i-- > 0;)
		if (is_session(t->loaded[i])) {
			forget(t, t->loaded[i]);
			return;
		}
}

/* Reads tag, size and code; *in is at the first handle then. */
static bool
take_header(struct slice *in, uint32_t *ret_code)
{
	uint32_t size;
	uint8_t tag;

	return wire_take_u8(in, &tag) && wire_take_u8(in, &tag) &&
	    wire_take_u32(in, &size) && wire_take_u32(in, ret_code);
}

static void
note_command(struct traffic *t, struct slice command)
{
	t->commands++;
	t->flushing = 0;
	if (!take_header(&command, &t->command_code))
		t->command_code = 0;
	if (t->command_code == TPM2_CC_FlushContext &&
	    !wire_take_u32(&command, &t->flushing))
		t->flushing = 0;
}

/* The TPM did not get to the command; as tpm_again has it. */
static bool
was_not_begun(uint32_t rc)
{
	return rc == TPM2_RC_RETRY || rc == TPM2_RC_TESTING ||
	    rc == TPM2_RC_YIELDED || rc == TPM2_RC_NV_RATE;
}

static void
note_answer(struct traffic *t, struct slice answer)
{
	bool ends_session = t->ends_session;
	uint32_t rc, handle;

	if (!take_header(&answer, &rc))
		rc = TPM2_RC_FAILURE;
	/* Else it is about to be sent again. */
	if (!was_not_begun(rc))
		t->ends_session = false;
	if (rc != TPM2_RC_SUCCESS)
		return;
	if (ends_session)
		forget_newest_session(t);
	switch (t->command_code) {
	case TPM2_CC_FlushContext:
		forget(t, t->flushing);
		break;
	case TPM2_CC_CreatePrimary:
	case TPM2_CC_Load:
	case TPM2_CC_StartAuthSession:
		if (wire_take_u32(&answer, &handle))
			remember(t, handle);
		break;
	}
}

/* The header alone: tag, size and code. */
static TSS2_RC
receive_canceled(size_t *size, uint8_t *response)
{
	static const uint8_t canceled[10] = { TPM2_ST_NO_SESSIONS >> 8,
		TPM2_ST_NO_SESSIONS & 0xff, 0, 0, 0, sizeof(canceled), 0, 0,
		TPM2_RC_CANCELED >> 8, TPM2_RC_CANCELED & 0xff };

	if (response != NULL && *size < sizeof(canceled))
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	if (response != NULL)
		memcpy(response, canceled, sizeof(canceled));
	*size = sizeof(canceled);
	return TSS2_RC_SUCCESS;
}

/* --- the TCTI ---------------------------------------------------------- */

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, uint8_t const *command)
{
	struct traffic *t = (struct traffic *)context;

	if (t->gave_up)
		return TRAFFIC_RC_NO_ANSWER;
	if (t->withholds)
		return TSS2_RC_SUCCESS;
	note_command(t, (struct slice){ command, size });
	t->sent_us = clock_us();
	return Tss2_Tcti_Transmit(t->inner, size, command);
}

/* How often the clock is looked at. */
#define TICK_MS 250

static uint64_t
limit_ms(uint32_t command_code)
{
	switch (command_code) {
	case TPM2_CC_Create:
	case TPM2_CC_CreateLoaded:
	case TPM2_CC_CreatePrimary:
		return TRAFFIC_LIMIT_CREATE_S * 1000;
	default:
		return TRAFFIC_LIMIT_S * 1000;
	}
}

/*
 * A signal may have the TCTI's poll(2) fail; the answer is still to come then,
 * and is asked for again.
 */
static TSS2_RC
receive_in_time(struct traffic *t, size_t *size, uint8_t *response)
{
	uint64_t deadline = clock_deadline(limit_ms(t->command_code));
	const size_t room = *size;
	bool hurries = interrupt_came(), asks_again;
	TSS2_RC rc;

	if (hurries)
		deadline = clock_deadline(TRAFFIC_LIMIT_INTERRUPTED_S * 1000);
	do {
		*size = room;
		interrupt_let_in();
		rc = Tss2_Tcti_Receive(t->inner, size, response, TICK_MS);
		interrupt_keep_out();
		asks_again = rc == TSS2_TCTI_RC_TRY_AGAIN;
		if (!hurries && interrupt_came()) {
			asks_again |= rc == TSS2_TCTI_RC_IO_ERROR;
			hurries = true;
			deadline =
			    clock_deadline(TRAFFIC_LIMIT_INTERRUPTED_S * 1000);
		}
	} while (asks_again && clock_ms_left(deadline) > 0);
	if (!asks_again)
		return rc;
	t->gave_up = true;
	return TRAFFIC_RC_NO_ANSWER;
}

/* tpm2-tss may ask for the size first and for the answer after. */
static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	struct traffic *t = (struct traffic *)context;
	uint64_t now;
	TSS2_RC rc;

	if (t->withholds)
		return receive_canceled(size, response);
	if (timeout == TSS2_TCTI_TIMEOUT_BLOCK)
		rc = receive_in_time(t, size, response);
	else
		rc = Tss2_Tcti_Receive(t->inner, size, response, timeout);
	now = clock_us();
	t->busy_us += now - t->sent_us;
	t->sent_us = now;
	if (rc == TSS2_RC_SUCCESS && response != NULL)
		note_answer(t, (struct slice){ response, *size });
	return rc;
}

/* What is left out, Tss2_Tcti_Cancel and the like take for not implemented. */
void
traffic_init(struct traffic *t, TSS2_TCTI_CONTEXT *inner)
{
	*t = (struct traffic){
		.common = {
			.magic = MAGIC,
			.version = 1,
			.transmit = transmit,
			.receive = receive,
		},
		.inner = inner,
	};
}

TSS2_TCTI_CONTEXT *
traffic_tcti(struct traffic *t)
{
	return (TSS2_TCTI_CONTEXT *)t;
}

void
traffic_next_ends_session(struct traffic *t)
{
	t->ends_session = true;
}

void
traffic_withhold(struct traffic *t, bool withholds)
{
	t->withholds = withholds;
}

static TSS2_RC
flush(struct traffic *t, uint32_t handle)
{
	uint8_t command[14] = { TPM2_ST_NO_SESSIONS >> 8,
		TPM2_ST_NO_SESSIONS & 0xff, 0, 0, 0, sizeof(command), 0, 0,
		TPM2_CC_FlushContext >> 8, TPM2_CC_FlushContext & 0xff,
		(uint8_t)(handle >> 24), (uint8_t)(handle >> 16),
		(uint8_t)(handle >> 8), (uint8_t)handle };
	uint8_t response[4096];
	size_t size = sizeof(response);
	TSS2_RC rc;

	if ((rc = Tss2_Tcti_Transmit(t->inner, sizeof(command), command)) !=
	    TSS2_RC_SUCCESS)
		return rc;
	return Tss2_Tcti_Receive(
	    t->inner, &size, response, RESPONSE_TIMEOUT_MS);
}

void
traffic_flush_leftovers(struct traffic *t)
{
	while (t->n_loaded > 0 && !t->gave_up) {
		uint32_t handle = t->loaded[--t->n_loaded];
		TSS2_RC rc = flush(t, handle);

		log_debug("flushing 0x%08x, which was left: 0x%x", handle, rc);
		/* The next one would wait as long. */
		t->gave_up = rc != TSS2_RC_SUCCESS;
	}
}
