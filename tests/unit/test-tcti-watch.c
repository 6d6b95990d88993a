/* SPDX-License-Identifier: ISC */
/*
 * What is counted and remembered of commands and answers; and a TPM that does
 * not answer, or not in time.
 */
#include "unit.h"

#include <signal.h>

#include <tss2/tss2_tpm2_types.h>

#include "base/clock.h"
#include "tpm/interrupt.h"
#include "tpm/tcti-watch.h"

/* What a wait was limited to. It is over at once, where it is to be. */
static uint64_t limit_ms;
static bool is_over;

uint64_t __real_clock_deadline(uint64_t ms);
uint64_t __wrap_clock_deadline(uint64_t ms);

uint64_t
__wrap_clock_deadline(uint64_t ms)
{
	limit_ms = ms;
	return is_over ? clock_us() : __real_clock_deadline(ms);
}

/* What receives in turn, and how often something was sent, and last. */
static TSS2_RC answers[16];
static int signals[16];
static unsigned int n_sent, n_received;
static uint8_t sent[64];
static size_t sent_len;

/* The answer to each command: its response code, and a handle. */
static uint32_t response_code, response_handle;

static void
put_u32(uint8_t *p, uint32_t value)
{
	for (int i = 3; i >= 0; i--, value >>= 8)
		p[i] = (uint8_t)value;
}

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, uint8_t const *command)
{
	(void)context;
	assert_true(size <= sizeof(sent));
	memcpy(sent, command, size);
	sent_len = size;
	n_sent++;
	return TSS2_RC_SUCCESS;
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	uint8_t answer[14] = { 0x80, 1, 0, 0, 0, 14 };

	(void)context;
	assert_true(timeout > 0);
	assert_true(*size >= sizeof(answer));
	put_u32(answer + 6, response_code);
	put_u32(answer + 10, response_handle);
	if (signals[n_received] != 0)
		raise(signals[n_received]);
	if (answers[n_received] != TSS2_RC_SUCCESS) {
		*size = 0;
		return answers[n_received++];
	}
	n_received++;
	memcpy(response, answer, sizeof(answer));
	*size = sizeof(answer);
	return TSS2_RC_SUCCESS;
}

static TSS2_TCTI_CONTEXT_COMMON_V1 inner = {
	.version = 1,
	.transmit = transmit,
	.receive = receive,
};

static void
begin(struct traffic *t)
{
	memset(answers, 0, sizeof(answers));
	memset(signals, 0, sizeof(signals));
	n_sent = n_received = 0;
	response_code = TPM2_RC_SUCCESS;
	response_handle = 0x80000007;
	traffic_init(t, (TSS2_TCTI_CONTEXT *)&inner);
}

static TSS2_RC
execute(struct traffic *t, uint16_t code)
{
	const uint8_t command[10] = { 0x80, 1, 0, 0, 0, 10, 0, 0,
		(uint8_t)(code >> 8), (uint8_t)code };
	uint8_t response[64];
	size_t size = sizeof(response);
	TSS2_RC rc;

	rc = Tss2_Tcti_Transmit(traffic_tcti(t), sizeof(command), command);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	return Tss2_Tcti_Receive(
	    traffic_tcti(t), &size, response, TSS2_TCTI_TIMEOUT_BLOCK);
}

/* Has the TPM give that handle. */
static void
load(struct traffic *t, uint16_t code, uint32_t handle)
{
	response_handle = handle;
	assert_int_equal(execute(t, code), 0);
}

static TSS2_RC
flush(struct traffic *t, uint32_t handle)
{
	uint8_t command[14] = { 0x80, 1, 0, 0, 0, 14, 0, 0,
		TPM2_CC_FlushContext >> 8, TPM2_CC_FlushContext & 0xff };
	uint8_t response[64];
	size_t size = sizeof(response);

	put_u32(command + 10, handle);
	assert_int_equal(
	    Tss2_Tcti_Transmit(traffic_tcti(t), sizeof(command), command), 0);
	return Tss2_Tcti_Receive(
	    traffic_tcti(t), &size, response, TSS2_TCTI_TIMEOUT_BLOCK);
}

static void
test_what_is_loaded(void **state)
{
	struct traffic t;

	(void)state;
	begin(&t);
	load(&t, TPM2_CC_CreatePrimary, 0x80000001);
	load(&t, TPM2_CC_Load, 0x80000002);
	load(&t, TPM2_CC_StartAuthSession, 0x02000003);
	/* What gives no handle. */
	load(&t, TPM2_CC_GetRandom, 0x80000004);
	/* What did not succeed: nothing is loaded, and nothing flushed. */
	response_code = TPM2_RC_OBJECT_MEMORY;
	load(&t, TPM2_CC_Load, 0x80000005);
	assert_int_equal(flush(&t, 0x80000001), 0);
	assert_int_equal(t.n_loaded, 3);
	response_code = TPM2_RC_SUCCESS;
	assert_int_equal(flush(&t, 0x80000001), 0);
	assert_int_equal(t.n_loaded, 2);
	assert_int_equal(t.loaded[0] ^ t.loaded[1], 0x80000002 ^ 0x02000003);
	assert_int_equal(t.commands, 7);
}

/* More than is remembered: what we never have at once is not ours. */
static void
test_more_than_is_remembered(void **state)
{
	struct traffic t;

	(void)state;
	begin(&t);
	for (uint32_t i = 0; i <= TRAFFIC_MAX_LOADED; i++)
		load(&t, TPM2_CC_Load, 0x80000000 + i);
	assert_int_equal(t.n_loaded, TRAFFIC_MAX_LOADED);
}

static void
test_last_command_of_a_session(void **state)
{
	struct traffic t;

	(void)state;
	begin(&t);
	load(&t, TPM2_CC_StartAuthSession, 0x02000003);
	load(&t, TPM2_CC_Load, 0x80000002);
	load(&t, TPM2_CC_StartAuthSession, 0x03000004);
	/* It fails, and its session stays; the next one is not the last. */
	traffic_next_ends_session(&t);
	response_code = TPM2_RC_AUTH_FAIL;
	assert_int_equal(execute(&t, TPM2_CC_Sign), 0);
	response_code = TPM2_RC_SUCCESS;
	assert_int_equal(execute(&t, TPM2_CC_Sign), 0);
	assert_int_equal(t.n_loaded, 3);
	/* It is sent again, as TPMs want it while they test themselves. */
	traffic_next_ends_session(&t);
	response_code = TPM2_RC_TESTING;
	assert_int_equal(execute(&t, TPM2_CC_Sign), 0);
	assert_int_equal(t.n_loaded, 3);
	response_code = TPM2_RC_SUCCESS;
	assert_int_equal(execute(&t, TPM2_CC_Sign), 0);
	/* The older one could not be flushed, and waits for the end. */
	assert_int_equal(t.n_loaded, 2);
	assert_int_equal(t.loaded[0], 0x02000003);
	assert_int_equal(t.loaded[1], 0x80000002);
}

static void
test_withheld(void **state)
{
	const uint8_t command[10] = { 0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x7b };
	static const uint8_t canceled[10] = { 0x80, 1, 0, 0, 0, 10, 0, 0, 9,
		9 };
	uint8_t response[64];
	size_t size = 0;
	struct traffic t;

	(void)state;
	begin(&t);
	traffic_withhold(&t, true);
	assert_int_equal(
	    Tss2_Tcti_Transmit(traffic_tcti(&t), sizeof(command), command), 0);
	assert_int_equal(Tss2_Tcti_Receive(traffic_tcti(&t), &size, NULL,
			     TSS2_TCTI_TIMEOUT_BLOCK),
	    0);
	assert_int_equal(size, sizeof(canceled));
	size = sizeof(canceled) - 1;
	assert_int_equal(Tss2_Tcti_Receive(traffic_tcti(&t), &size, response,
			     TSS2_TCTI_TIMEOUT_BLOCK),
	    TSS2_TCTI_RC_INSUFFICIENT_BUFFER);
	size = sizeof(response);
	assert_int_equal(Tss2_Tcti_Receive(traffic_tcti(&t), &size, response,
			     TSS2_TCTI_TIMEOUT_BLOCK),
	    0);
	assert_int_equal(size, sizeof(canceled));
	assert_memory_equal(response, canceled, size);
	assert_int_equal(n_sent, 0);
	assert_int_equal(t.commands, 0);
	traffic_withhold(&t, false);
	assert_int_equal(execute(&t, TPM2_CC_GetRandom), 0);
	assert_int_equal(n_sent, 1);
}

static void
test_leftovers(void **state)
{
	static const uint8_t last[14] = { 0x80, 1, 0, 0, 0, 14, 0, 0, 1, 0x65,
		0x80, 0, 0, 1 };
	struct traffic t;

	(void)state;
	begin(&t);
	load(&t, TPM2_CC_CreatePrimary, 0x80000001);
	load(&t, TPM2_CC_StartAuthSession, 0x02000003);
	traffic_flush_leftovers(&t);
	assert_int_equal(n_sent, 4);
	assert_int_equal(sent_len, sizeof(last));
	assert_memory_equal(sent, last, sent_len);
	traffic_flush_leftovers(&t);
	assert_int_equal(n_sent, 4);
	/* They are none of the commands that a caller pays for. */
	assert_int_equal(t.commands, 2);
}

/* Each would be waited for while signals are held back. */
static void
test_leftovers_of_a_dead_tpm(void **state)
{
	struct traffic t;

	(void)state;
	begin(&t);
	load(&t, TPM2_CC_CreatePrimary, 0x80000001);
	load(&t, TPM2_CC_Load, 0x80000002);
	answers[2] = TSS2_TCTI_RC_TRY_AGAIN;
	traffic_flush_leftovers(&t);
	assert_int_equal(n_sent, 3);
}

static void
test_late_answers_count(void **state)
{
	struct traffic t;

	(void)state;
	begin(&t);
	answers[0] = answers[1] = TSS2_TCTI_RC_TRY_AGAIN;
	assert_int_equal(execute(&t, TPM2_CC_Load), 0);
	assert_int_equal(n_received, 3);
	assert_int_equal(t.n_loaded, 1);
	assert_int_equal(t.loaded[0], 0x80000007);
}

/* Who does not want to wait gets what there is. */
static void
test_no_wait(void **state)
{
	const uint8_t command[10] = { 0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x57 };
	uint8_t response[64];
	size_t size = sizeof(response);
	struct traffic t;

	(void)state;
	begin(&t);
	answers[0] = TSS2_TCTI_RC_TRY_AGAIN;
	assert_int_equal(
	    Tss2_Tcti_Transmit(traffic_tcti(&t), sizeof(command), command), 0);
	assert_int_equal(
	    Tss2_Tcti_Receive(traffic_tcti(&t), &size, response, 1),
	    TSS2_TCTI_RC_TRY_AGAIN);
	assert_int_equal(n_received, 1);
	size = sizeof(response);
	assert_int_equal(
	    Tss2_Tcti_Receive(traffic_tcti(&t), &size, response, 1), 0);
	assert_int_equal(t.n_loaded, 1);
}

static void
test_no_answer(void **state)
{
	static const struct {
		uint16_t code;
		uint64_t seconds;
	} cases[] = {
		{ TPM2_CC_Sign, 120 },
		{ TPM2_CC_Create, 300 },
		{ TPM2_CC_CreatePrimary, 300 },
		{ TPM2_CC_CreateLoaded, 300 },
	};
	struct traffic t;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&t);
		assert_int_equal(execute(&t, TPM2_CC_Load), 0);
		answers[1] = TSS2_TCTI_RC_TRY_AGAIN;
		is_over = true;
		assert_int_equal(
		    execute(&t, cases[i].code), TRAFFIC_RC_NO_ANSWER);
		is_over = false;
		assert_int_equal(limit_ms, cases[i].seconds * 1000);
		/* It would not take another command, nor one to clean up. */
		assert_int_equal(
		    execute(&t, TPM2_CC_GetRandom), TRAFFIC_RC_NO_ANSWER);
		traffic_flush_leftovers(&t);
		assert_int_equal(n_sent, 2);
		assert_int_equal(n_received, 2);
	}
}

static volatile sig_atomic_t n_interrupts;

static void
on_interrupt(int sig)
{
	(void)sig;
	n_interrupts++;
}

/* As poll(2) has it in the TCTI: the answer comes all the same. */
static void
test_interrupted_wait(void **state)
{
	struct interrupt held;
	struct traffic t;

	(void)state;
	signal(SIGINT, on_interrupt);
	begin(&t);
	signals[0] = SIGINT;
	answers[0] = TSS2_TCTI_RC_IO_ERROR;
	interrupt_hold(&held);
	assert_int_equal(execute(&t, TPM2_CC_Load), 0);
	assert_int_equal(t.n_loaded, 1);
	assert_true(interrupt_came());
	assert_int_equal(limit_ms, 10000);
	/* Not so long for what is sent then. */
	answers[2] = TSS2_TCTI_RC_TRY_AGAIN;
	is_over = true;
	assert_int_equal(execute(&t, TPM2_CC_Sign), TRAFFIC_RC_NO_ANSWER);
	is_over = false;
	assert_int_equal(limit_ms, 10000);
	assert_int_equal(n_interrupts, 0);
	interrupt_release(&held);
	assert_int_equal(n_interrupts, 1);
	assert_false(interrupt_came());
}

/* One that is not interrupted has no such excuse. */
static void
test_broken_way(void **state)
{
	struct traffic t;

	(void)state;
	begin(&t);
	answers[0] = TSS2_TCTI_RC_IO_ERROR;
	assert_int_equal(execute(&t, TPM2_CC_Load), TSS2_TCTI_RC_IO_ERROR);
	assert_int_equal(n_received, 1);
}

/* nohup(1) has a signal ignored, and a caller may have one blocked. */
static void
test_what_the_caller_keeps_off(void **state)
{
	struct interrupt held;
	sigset_t blocked, saved;

	(void)state;
	n_interrupts = 0;
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, on_interrupt);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &saved);
	interrupt_hold(&held);
	raise(SIGHUP);
	raise(SIGTERM);
	interrupt_let_in();
	interrupt_keep_out();
	assert_false(interrupt_came());
	interrupt_release(&held);
	assert_int_equal(n_interrupts, 0);
	sigprocmask(SIG_SETMASK, &saved, NULL);
	assert_int_equal(n_interrupts, 1);
}

#define TEST_NAME "tcti-watch"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_loaded),
		cmocka_unit_test(test_more_than_is_remembered),
		cmocka_unit_test(test_last_command_of_a_session),
		cmocka_unit_test(test_withheld),
		cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_leftovers_of_a_dead_tpm),
		cmocka_unit_test(test_late_answers_count),
		cmocka_unit_test(test_no_wait),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_interrupted_wait),
		cmocka_unit_test(test_broken_way),
		cmocka_unit_test(test_what_the_caller_keeps_off),
	};

	return RUN(tests);
}
