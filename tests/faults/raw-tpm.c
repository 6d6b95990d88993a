/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include <tss2/tss2_mu.h>
#include <tss2/tss2_tctildr.h>
#include <tss2/tss2_tpm2_types.h>

#include "base/wire.h"
#include "key/resident.h"
#include "raw-tpm.h"
#include "tpm/persistent.h"

struct command {
	uint8_t data[512];
	size_t len;
};

static void
put16(struct command *c, size_t value)
{
	Tss2_MU_UINT16_Marshal(
	    (uint16_t)value, c->data, sizeof(c->data), &c->len);
}

static void
put32(struct command *c, size_t value)
{
	Tss2_MU_UINT32_Marshal(
	    (uint32_t)value, c->data, sizeof(c->data), &c->len);
}

static void
put_text(struct command *c, const char *text)
{
	size_t n = text != NULL ? strlen(text) : 0;

	put16(c, n);
	if (n > 0)
		memcpy(c->data + c->len, text, n);
	c->len += n;
}

static struct command
begin(TPM2_ST tag, TPM2_CC code)
{
	struct command c = { .len = 0 };

	put16(&c, tag);
	put32(&c, 0);
	put32(&c, code);
	return c;
}

/* True for TPM2_RC_SUCCESS; *ret_answer is what follows the header then. */
static bool
send(TSS2_TCTI_CONTEXT *tcti, struct command *c, struct slice *ret_answer)
{
	static uint8_t answer[4096];
	size_t n = sizeof(answer), at = 2;
	uint32_t size, rc;
	uint8_t tag;

	Tss2_MU_UINT32_Marshal((uint32_t)c->len, c->data, sizeof(c->data), &at);
	if (Tss2_Tcti_Transmit(tcti, c->len, c->data) != TSS2_RC_SUCCESS ||
	    Tss2_Tcti_Receive(tcti, &n, answer, TSS2_TCTI_TIMEOUT_BLOCK) !=
		TSS2_RC_SUCCESS)
		return false;
	*ret_answer = (struct slice){ answer, n };
	return wire_take_u8(ret_answer, &tag) &&
	    wire_take_u8(ret_answer, &tag) &&
	    wire_take_u32(ret_answer, &size) &&
	    wire_take_u32(ret_answer, &rc) && rc == TPM2_RC_SUCCESS;
}

/* The list of a capability; *ret_list begins at its first element. */
static bool
get_capability(TSS2_TCTI_CONTEXT *tcti, TPM2_CAP capability, uint32_t first,
    uint32_t count, uint32_t *ret_n, struct slice *ret_list)
{
	struct command c = begin(TPM2_ST_NO_SESSIONS, TPM2_CC_GetCapability);
	uint32_t what;
	uint8_t more;

	put32(&c, capability);
	put32(&c, first);
	put32(&c, count);
	return send(tcti, &c, ret_list) && wire_take_u8(ret_list, &more) &&
	    wire_take_u32(ret_list, &what) && wire_take_u32(ret_list, ret_n);
}

static bool
add_handles(TSS2_TCTI_CONTEXT *tcti, uint32_t first, uint32_t last,
    uint32_t handles[RAW_MAX_HANDLES], size_t *n)
{
	uint32_t count, handle;
	struct slice list;

	if (!get_capability(
		tcti, TPM2_CAP_HANDLES, first, RAW_MAX_HANDLES, &count, &list))
		return false;
	for (; count > 0 && wire_take_u32(&list, &handle); count--)
		if (handle >= first && handle <= last && *n < RAW_MAX_HANDLES)
			handles[(*n)++] = handle;
	return true;
}

/*
 * Part 2, section 7.4: transient objects, sessions, those set aside. The list
 * of sessions has policy sessions, too, whose handles begin with 3.
 */
static bool
look(TSS2_TCTI_CONTEXT *tcti, struct raw_state *state)
{
	uint32_t n, property;
	struct slice list;

	return add_handles(tcti, 0x80000000, 0x80ffffff, state->loaded,
		   &state->n_loaded) &&
	    add_handles(tcti, 0x02000000, 0x03ffffff, state->loaded,
		&state->n_loaded) &&
	    add_handles(tcti, 0x03000000, 0x03ffffff, state->loaded,
		&state->n_loaded) &&
	    add_handles(tcti, RESIDENT_FIRST, RESIDENT_LAST, state->indices,
		&state->n_indices) &&
	    add_handles(tcti, PERSISTENT_FIRST, PERSISTENT_LAST, state->copies,
		&state->n_copies) &&
	    get_capability(tcti, TPM2_CAP_TPM_PROPERTIES,
		TPM2_PT_LOCKOUT_COUNTER, 1, &n, &list) &&
	    n == 1 && wire_take_u32(&list, &property) &&
	    wire_take_u32(&list, &state->tries);
}

bool
raw_look(const char *name, struct raw_state *ret)
{
	TSS2_TCTI_CONTEXT *tcti = NULL;
	bool good;

	*ret = (struct raw_state){ .n_loaded = 0 };
	if (Tss2_TctiLdr_Initialize(name, &tcti) != TSS2_RC_SUCCESS)
		return false;
	good = look(tcti, ret);
	Tss2_TctiLdr_Finalize(&tcti);
	return good;
}

bool
raw_flush(const char *name, const struct raw_state *state)
{
	TSS2_TCTI_CONTEXT *tcti = NULL;
	struct slice answer;
	bool good = true;

	if (Tss2_TctiLdr_Initialize(name, &tcti) != TSS2_RC_SUCCESS)
		return false;
	for (size_t i = 0; i < state->n_loaded; i++) {
		struct command c =
		    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_FlushContext);

		put32(&c, state->loaded[i]);
		good = send(tcti, &c, &answer) && good;
	}
	Tss2_TctiLdr_Finalize(&tcti);
	return good;
}

/*
 * One command that a hierarchy's password authorizes. `object` is its second
 * handle; 0 is none.
 */
static struct command
begin_authorized(
    TPM2_CC code, uint32_t hierarchy, uint32_t object, const char *password)
{
	struct command c = begin(TPM2_ST_SESSIONS, code);

	put32(&c, hierarchy);
	if (object != 0)
		put32(&c, object);
	put32(&c, 9 + (password != NULL ? strlen(password) : 0));
	put32(&c, TPM2_RS_PW);
	put16(&c, 0);
	c.data[c.len++] = 0;
	put_text(&c, password);
	return c;
}

static bool
send_alone(const char *name, struct command *c)
{
	TSS2_TCTI_CONTEXT *tcti = NULL;
	struct slice answer;
	bool good;

	if (Tss2_TctiLdr_Initialize(name, &tcti) != TSS2_RC_SUCCESS)
		return false;
	good = send(tcti, c, &answer);
	Tss2_TctiLdr_Finalize(&tcti);
	return good;
}

bool
raw_evict(const char *name, uint32_t handle, const char *password)
{
	struct command c = begin_authorized(
	    TPM2_CC_EvictControl, TPM2_RH_OWNER, handle, password);

	put32(&c, handle);
	return send_alone(name, &c);
}

bool
raw_own(const char *name, const char *old, const char *new)
{
	struct command c = begin_authorized(
	    TPM2_CC_HierarchyChangeAuth, TPM2_RH_OWNER, 0, old);

	put_text(&c, new);
	return send_alone(name, &c);
}

bool
raw_forget_tries(const char *name)
{
	struct command c = begin_authorized(
	    TPM2_CC_DictionaryAttackLockReset, TPM2_RH_LOCKOUT, 0, NULL);

	return send_alone(name, &c);
}
