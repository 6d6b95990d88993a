/* SPDX-License-Identifier: ISC */
/*
 * A TCTI that makes a TPM an older one. "old:swtpm:port=2321" passes everything
 * to swtpm:port=2321, but the TPM says that it is of revision SK_TPM_REVISION
 * of the specification (116 is 1.16), and has no command SK_TPM_WITHOUT (a
 * number in hex): it refuses that one with TPM_RC_COMMAND_CODE, as part 3 of
 * the TPM 2.0 Library, section 5.2, has it, and does not tell of it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "between.h"

struct old {
	struct between between; /* first: it is a TCTI context */
	uint32_t code;		/* of the command that was sent */
};

/* 0 where it is not set. */
static uint32_t
setting(const char *name, int base)
{
	const char *value = getenv(name);

	return value != NULL ? (uint32_t)strtoul(value, NULL, base) : 0;
}

static bool
is_missing(uint32_t code)
{
	return code == setting("SK_TPM_WITHOUT", 16);
}

/* moreData, capability, count, and as many of what the capability says. */
static void
alter_capability(uint8_t *answer, size_t size)
{
	uint8_t *p = answer + HEADER_LEN + 1;
	uint32_t n, capability, revision = setting("SK_TPM_REVISION", 10);

	if (size < HEADER_LEN + 9)
		return;
	capability = get32(p);
	n = get32(p + 4);
	p += 8;
	for (; n > 0 && p + 8 <= answer + size &&
	     capability == TPM2_CAP_TPM_PROPERTIES;
	     n--, p += 8)
		if (get32(p) == TPM2_PT_REVISION && revision != 0)
			put32(p + 4, revision);
	/* The next one is told of instead. */
	for (;
	     n > 0 && p + 4 <= answer + size && capability == TPM2_CAP_COMMANDS;
	     n--, p += 4)
		if (is_missing(get32(p) & TPMA_CC_COMMANDINDEX_MASK))
			put32(p, get32(p) + 1);
}

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, uint8_t const *command)
{
	struct old *o = (struct old *)context;

	o->code = get32(command + 6);
	if (is_missing(o->code))
		return TSS2_RC_SUCCESS;
	return Tss2_Tcti_Transmit(o->between.child, size, command);
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	struct old *o = (struct old *)context;
	TSS2_RC rc;

	if (is_missing(o->code))
		return answer_with_rc(TPM2_RC_COMMAND_CODE, size, response);
	rc = Tss2_Tcti_Receive(o->between.child, size, response, timeout);
	if (rc == TSS2_RC_SUCCESS && response != NULL &&
	    o->code == TPM2_CC_GetCapability)
		alter_capability(response, *size);
	return rc;
}

BETWEEN(struct old, "an older TPM", transmit, receive, between_finalize);
