/* SPDX-License-Identifier: ISC */
/*
 * A TCTI between a program and another TCTI, which its configuration names:
 * "NAME:swtpm:port=2321" is before swtpm:port=2321. A file that includes this
 * has a type that begins with struct between, functions that transmit and
 * receive, and at its end BETWEEN().
 *
 * Source of the interface: TSS 2.0 TCTI specification, section 3.
 */
#ifndef SKTPM_TESTS_BETWEEN_H
#define SKTPM_TESTS_BETWEEN_H

#include <stdint.h>
#include <string.h>

#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tctildr.h>
#include <tss2/tss2_tpm2_types.h>

#define BETWEEN_MAGIC 0x736b746573740001ULL

/* Tag, size and code, before each command and each response. */
#define HEADER_LEN 10

struct between {
	TSS2_TCTI_CONTEXT_COMMON_V1 common; /* first: it is a TCTI context */
	TSS2_TCTI_CONTEXT *child;
};

static inline uint32_t
get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t
get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static inline void
put32(uint8_t *p, uint32_t value)
{
	for (int i = 3; i >= 0; i--, value >>= 8)
		p[i] = (uint8_t)value;
}

/* Where parameters begin, behind handles and what authorizes. */
static inline size_t
parameters_of(const uint8_t *command, size_t n_handles)
{
	size_t at = HEADER_LEN + 4 * n_handles;

	return get16(command) == TPM2_ST_SESSIONS ? at + 4 + get32(command + at)
						  : at;
}

/* A response in place of the TPM's: a header alone, with this code. */
static inline TSS2_RC
answer_with_rc(uint32_t rc, size_t *size, uint8_t *response)
{
	if (response != NULL) {
		memcpy(response, "\x80\1\0\0\0\12", 6);
		put32(response + 6, rc);
	}
	*size = HEADER_LEN;
	return TSS2_RC_SUCCESS;
}

static inline TSS2_TCTI_CONTEXT *
between_child(TSS2_TCTI_CONTEXT *context)
{
	return ((struct between *)context)->child;
}

/* A resource manager asks for these three. */
static inline TSS2_RC
between_cancel(TSS2_TCTI_CONTEXT *context)
{
	return Tss2_Tcti_Cancel(between_child(context));
}

static inline TSS2_RC
between_get_poll_handles(
    TSS2_TCTI_CONTEXT *context, TSS2_TCTI_POLL_HANDLE *handles, size_t *n)
{
	return Tss2_Tcti_GetPollHandles(between_child(context), handles, n);
}

static inline TSS2_RC
between_set_locality(TSS2_TCTI_CONTEXT *context, uint8_t locality)
{
	return Tss2_Tcti_SetLocality(between_child(context), locality);
}

static inline void
between_finalize(TSS2_TCTI_CONTEXT *context)
{
	Tss2_TctiLdr_Finalize(&((struct between *)context)->child);
}

/* Zeroes all of the `whole` bytes that the file's own type has. */
static inline TSS2_RC
between_init(TSS2_TCTI_CONTEXT *context, size_t *size, size_t whole,
    const TSS2_TCTI_CONTEXT_COMMON_V1 *own, const char *conf)
{
	struct between *b = (struct between *)context;

	if (context == NULL) {
		*size = whole;
		return TSS2_RC_SUCCESS;
	}
	memset(context, 0, whole);
	b->common = *own;
	b->common.magic = BETWEEN_MAGIC;
	b->common.version = 1;
	b->common.cancel = between_cancel;
	b->common.getPollHandles = between_get_poll_handles;
	b->common.setLocality = between_set_locality;
	return Tss2_TctiLdr_Initialize(conf, &b->child);
}

/*
 * The library's one symbol, which tctildr looks up. `end` finalizes;
 * between_finalize does for a type that owns nothing else.
 */
#define BETWEEN(type, what, transmits, receives, end)                         \
	static TSS2_RC between_init_this(                                     \
	    TSS2_TCTI_CONTEXT *context, size_t *size, const char *conf)       \
	{                                                                     \
		static const TSS2_TCTI_CONTEXT_COMMON_V1 own = {              \
			.transmit = (transmits),                              \
			.receive = (receives),                                \
			.finalize = (end),                                    \
		};                                                            \
                                                                              \
		return between_init(context, size, sizeof(type), &own, conf); \
	}                                                                     \
                                                                              \
	__attribute__((visibility("default"))) const TSS2_TCTI_INFO *         \
	Tss2_Tcti_Info(void);                                                 \
                                                                              \
	const TSS2_TCTI_INFO *Tss2_Tcti_Info(void)                            \
	{                                                                     \
		static const TSS2_TCTI_INFO info = {                          \
			.version = 1,                                         \
			.name = "tcti-between",                               \
			.description = (what),                                \
			.config_help = "name:conf of the TCTI behind",        \
			.init = between_init_this,                            \
		};                                                            \
                                                                              \
		return &info;                                                 \
	}                                                                     \
	struct between

#endif
