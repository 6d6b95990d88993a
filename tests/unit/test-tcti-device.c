/* SPDX-License-Identifier: ISC */
/*
 * A TCTI for device files. A socket that keeps messages whole stands for the
 * device, and /dev/null for one that is no TPM's. tests/vm has a kernel's own.
 */
#include "unit.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/error.h"
#include "base/log.h"
#include "tpm/rc.h"
#include "tpm/tcti-device.h"

#define PATH "/dev/tpm-in-a-test"

/* Its two ends. */
static struct tcti_device device;
static TSS2_TCTI_CONTEXT *tcti;
static int chip = -1;

int __real_device_open(const char *path, int *ret);
int __wrap_device_open(const char *path, int *ret);

int
__wrap_device_open(const char *path, int *ret)
{
	int ends[2];

	if (strcmp(path, PATH) != 0)
		return __real_device_open(path, ret);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, ends),
	    0);
	*ret = ends[0];
	chip = ends[1];
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	assert_int_equal(tcti_device_open(PATH, &device), 0);
	tcti = tcti_device_tcti(&device);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	tcti_device_close(&device);
	close(chip);
	return 0;
}

#define COMMAND "\x80\1\0\0\0\x0c\0\0\1\x7b\0\x10" /* GetRandom */
#define OK "\x80\1\0\0\0\x0a\0\0\0\0"

static void
chip_says(const char *answer, size_t len)
{
	assert_int_equal(write(chip, answer, len), len);
}

static TSS2_RC
send_command(void)
{
	return Tss2_Tcti_Transmit(
	    tcti, sizeof(COMMAND) - 1, (const uint8_t *)COMMAND);
}

static uint8_t received[4096];

static TSS2_RC
receive(size_t room, int32_t timeout, size_t *ret)
{
	*ret = room;
	return Tss2_Tcti_Receive(tcti, ret, received, timeout);
}

/* As long as the answer's header says, or the most that one can be. */
static void
test_command_and_answer(void **state)
{
	uint8_t command[64];
	size_t n = 0;

	(void)state;
	assert_int_equal(send_command(), 0);
	/* All of it in one write, and nothing before. */
	assert_int_equal(
	    read(chip, command, sizeof(command)), sizeof(COMMAND) - 1);
	assert_memory_equal(command, COMMAND, sizeof(COMMAND) - 1);
	chip_says(OK, 10);
	assert_int_equal(Tss2_Tcti_Receive(tcti, &n, NULL, -1), 0);
	assert_int_equal(n, 4096);
	assert_int_equal(receive(n, -1, &n), 0);
	assert_int_equal(n, 10);
	assert_memory_equal(received, OK, 10);
}

static void
test_not_yet(void **state)
{
	size_t n;

	(void)state;
	assert_int_equal(receive(4096, 1, &n), TSS2_TCTI_RC_TRY_AGAIN);
	chip_says(OK, 10);
	assert_int_equal(receive(4096, 1, &n), 0);
	assert_int_equal(n, 10);
}

static void
on_alarm(int number)
{
	(void)number;
}

/* Which asks again, and is asked for by what watches. */
static void
test_signal(void **state)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } };
	const struct itimerval never = { 0 };
	size_t n;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	assert_int_equal(receive(4096, -1, &n), TSS2_TCTI_RC_TRY_AGAIN);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
}

/* What is too large for the caller is gone; the next answer is the next. */
static void
test_little_room(void **state)
{
	size_t n;

	(void)state;
	chip_says("\x80\1\0\0\0\x0c\0\0\0\0\1\2", 12);
	assert_int_equal(receive(11, -1, &n), TSS2_TCTI_RC_INSUFFICIENT_BUFFER);
	chip_says(OK, 10);
	assert_int_equal(receive(10, -1, &n), 0);
	assert_int_equal(n, 10);
}

#define NO_TPM PATH " opens but does not answer as a TPM does"

/* `rc` from a device that has answered before, else that it is no TPM's. */
static void
assert_lost(TSS2_RC actual, TSS2_RC rc, bool has_answered)
{
	if (has_answered) {
		assert_int_equal(actual, rc);
		assert_int_equal(tpm_fail(actual, "sign"), FAIL_LOST);
		return;
	}
	assert_int_equal(actual, TCTI_DEVICE_RC_NO_TPM);
	assert_int_equal(tpm_fail(actual, "sign"), FAIL_UNREACHABLE);
	assert_string_equal(log_cause(), NO_TPM);
}

/* In each of these the device has answered in the second round. */
static bool
next_round(bool *has_answered)
{
	size_t n;

	if (*has_answered)
		return false;
	tear_down(NULL);
	set_up(NULL);
	chip_says(OK, 10);
	assert_int_equal(receive(4096, -1, &n), 0);
	*has_answered = true;
	return true;
}

static void
test_malformed(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ OK, 9 },
		{ OK "\0", 11 },
		{ "\x80\1\0\0\0\x0b\0\0\0\0", 10 },
		{ "\x80\1\xff\xff\xff\xff\0\0\0\0", 10 },
	};
	bool has_answered = false;
	size_t n;

	(void)state;
	do
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			chip_says(bad[i].bytes, bad[i].len);
			assert_lost(receive(4096, -1, &n),
			    TSS2_TCTI_RC_MALFORMED_RESPONSE, has_answered);
		}
	while (next_round(&has_answered));
}

static void
test_gone(void **state)
{
	bool has_answered = false;
	size_t n;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	do {
		shutdown(chip, SHUT_RDWR);
		assert_lost(receive(4096, -1, &n), TSS2_TCTI_RC_NO_CONNECTION,
		    has_answered);
		assert_lost(
		    send_command(), TSS2_TCTI_RC_IO_ERROR, has_answered);
	} while (next_round(&has_answered));
}

/* As where the driver has lost the chip. */
static void
test_read_fails(void **state)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool has_answered = false;
	size_t n;

	(void)state;
	do {
		assert_int_equal(dup2(fd, device.fd), device.fd);
		assert_lost(
		    receive(4096, -1, &n), TSS2_TCTI_RC_IO_ERROR, has_answered);
	} while (next_round(&has_answered));
	close(fd);
}

/* poll(2) has nothing to wait for there, as with a TPM before Linux 4.20. */
static void
test_not_a_tpm(void **state)
{
	struct tcti_device null;
	TSS2_TCTI_CONTEXT *context;
	size_t n = sizeof(received);

	(void)state;
	assert_int_equal(tcti_device_open("/dev/null", &null), 0);
	context = tcti_device_tcti(&null);
	assert_int_equal(
	    Tss2_Tcti_Transmit(context, 12, (const uint8_t *)COMMAND), 0);
	assert_int_equal(Tss2_Tcti_Receive(context, &n, received, -1),
	    TCTI_DEVICE_RC_NO_TPM);
	assert_string_equal(
	    log_cause(), "/dev/null opens but does not answer as a TPM does");
	tcti_device_close(&null);
	assert_int_equal(
	    tcti_device_open("/dev/there-is-none", &null), FAIL_NO_DEVICE);
}

#define TEST_NAME "tcti-device"

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_command_and_answer),
		TEST(test_not_yet),
		TEST(test_signal),
		TEST(test_little_room),
		TEST(test_malformed),
		TEST(test_gone),
		TEST(test_read_fails),
		TEST(test_not_a_tpm),
	};

	return RUN(tests);
}
