/* SPDX-License-Identifier: ISC */
/*
 * A TCTI that makes a TPM one with little NV memory. "small:swtpm:port=2321"
 * passes everything to swtpm:port=2321, but the TPM says that it takes
 * SK_TPM_NV_BUFFER bytes of NV at once (TPM2_PT_NV_BUFFER_MAX) and
 * SK_TPM_NV_INDEX bytes in one index (TPM2_PT_NV_INDEX_MAX), and refuses more
 * as part 3 of the TPM 2.0 Library, sections 31.3, 31.7 and 31.13, has it.
 * One that is not set stays as it is; set to 0, the TPM does not tell it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "between.h"

struct small {
	struct between between; /* first: it is a TCTI context */
	uint32_t code;		/* of the command that was sent */
	uint32_t answer;	/* a response code of our own, or 0 */
};

/* False where it is not set. */
static bool
is_set(const char *name, uint32_t *ret)
{
	const char *value = getenv(name);

	if (value != NULL)
		*ret = (uint32_t)strtoul(value, NULL, 10);
	return value != NULL;
}

static uint32_t
judge(const uint8_t *command, uint32_t code)
{
	const uint8_t *p;
	uint32_t most;

	switch (code) {
	case TPM2_CC_NV_Read:
	case TPM2_CC_NV_Write:
		/* Both begin with a size. */
		p = command + parameters_of(command, 2);
		if (is_set("SK_TPM_NV_BUFFER", &most) && most > 0 &&
		    get16(p) > most)
			return TPM2_RC_VALUE | TPM2_RC_P | TPM2_RC_1;
		return 0;
	case TPM2_CC_NV_DefineSpace:
		/* An authValue, and a public area that ends in the size. */
		p = command + parameters_of(command, 1);
		p += 2 + get16(p);
		if (is_set("SK_TPM_NV_INDEX", &most) && most > 0 &&
		    get16(p + get16(p)) > most)
			return TPM2_RC_SIZE | TPM2_RC_P | TPM2_RC_2;
		return 0;
	}
	return 0;
}

/* moreData, capability, count, and as many of property and value. */
static void
alter_properties(uint8_t *answer, size_t size)
{
	uint8_t *p = answer + HEADER_LEN + 1;
	uint32_t n, value;

	if (size < HEADER_LEN + 9 || get32(p) != TPM2_CAP_TPM_PROPERTIES)
		return;
	n = get32(p + 4);
	for (p += 8; n > 0 && p + 8 <= answer + size; n--, p += 8) {
		const char *name = get32(p) == TPM2_PT_NV_BUFFER_MAX
		    ? "SK_TPM_NV_BUFFER"
		    : get32(p) == TPM2_PT_NV_INDEX_MAX ? "SK_TPM_NV_INDEX"
						       : NULL;

		if (name == NULL || !is_set(name, &value))
			continue;
		put32(p + 4, value);
		if (value == 0)
			put32(p, TPM2_PT_MODES);
	}
}

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, uint8_t const *command)
{
	struct small *s = (struct small *)context;

	s->code = get32(command + 6);
	s->answer = judge(command, s->code);
	if (s->answer != 0)
		return TSS2_RC_SUCCESS;
	return Tss2_Tcti_Transmit(s->between.child, size, command);
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	struct small *s = (struct small *)context;
	TSS2_RC rc;

	if (s->answer != 0)
		return answer_with_rc(s->answer, size, response);
	rc = Tss2_Tcti_Receive(s->between.child, size, response, timeout);
	if (rc == TSS2_RC_SUCCESS && response != NULL &&
	    s->code == TPM2_CC_GetCapability)
		alter_properties(response, *size);
	return rc;
}

BETWEEN(struct small, "little NV memory", transmit, receive, between_finalize);
