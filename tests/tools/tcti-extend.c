/* SPDX-License-Identifier: ISC */
/*
 * A TCTI with which the machine goes on measuring. "extend:swtpm:port=2321"
 * passes everything to swtpm:port=2321, but before a Sign it extends PCR 10, as
 * Linux does for IMA: before the first SK_TPM_EXTEND of them.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "between.h"

struct extend {
	struct between between; /* first: it is a TCTI context */
	long left;
	bool begun;
};

/* PCR_Extend, with an empty password, of a SHA-256 bank (part 3, 22.2). */
static const uint8_t extend_10[] = {
	0x80,
	0x02,
	0x00,
	0x00,
	0x00,
	0x41,
	0x00,
	0x00,
	0x01,
	0x82, /* header */
	0x00,
	0x00,
	0x00,
	0x0a, /* PCR 10 */
	0x00,
	0x00,
	0x00,
	0x09,
	0x40,
	0x00,
	0x00,
	0x09,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00, /* TPM_RS_PW */
	0x00,
	0x00,
	0x00,
	0x01,
	0x00,
	0x0b, /* one digest, SHA-256 */
	[33 + 31] = 0x01,
};

static TSS2_RC
measure(TSS2_TCTI_CONTEXT *child)
{
	uint8_t answer[4096];
	size_t size = sizeof(answer);
	TSS2_RC rc;

	rc = Tss2_Tcti_Transmit(child, sizeof(extend_10), extend_10);
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_Tcti_Receive(
		    child, &size, answer, TSS2_TCTI_TIMEOUT_BLOCK);
	if (rc == TSS2_RC_SUCCESS && get32(answer + 6) != TPM2_RC_SUCCESS)
		abort();
	return rc;
}

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, uint8_t const *command)
{
	struct extend *e = (struct extend *)context;
	const char *times = getenv("SK_TPM_EXTEND");
	TSS2_RC rc;

	if (!e->begun && times != NULL)
		e->left = strtol(times, NULL, 10);
	e->begun = true;
	if (get32(command + 6) == TPM2_CC_Sign && e->left > 0) {
		e->left--;
		if ((rc = measure(e->between.child)) != TSS2_RC_SUCCESS)
			return rc;
	}
	return Tss2_Tcti_Transmit(e->between.child, size, command);
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	return Tss2_Tcti_Receive(
	    between_child(context), size, response, timeout);
}

BETWEEN(
    struct extend, "measures meanwhile", transmit, receive, between_finalize);
