/* SPDX-License-Identifier: ISC */
/*
 * The lock of the kernel's /dev/tpmrm0, with a TCTI and a file of our own in
 * its place.
 */
#include "unit.h"

#include <sys/file.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include <tss2/tss2_tctildr.h>

#include "tpm/device.h"
#include "tpm/tpm.h"

#define TCTI "pcap:device:/dev/tpmrm0" /* by tctildr */

static char file[] = "/tmp/sk-tpm-tpm.XXXXXX";
static TSS2_TCTI_CONTEXT_COMMON_V1 tcti = { .version = 1 };

TSS2_RC __wrap_Tss2_TctiLdr_Initialize(const char *, TSS2_TCTI_CONTEXT **);
void __wrap_Tss2_TctiLdr_Finalize(TSS2_TCTI_CONTEXT **);
int __wrap_device_check(const char *path);
int __wrap_device_lock(const char *path);

TSS2_RC
__wrap_Tss2_TctiLdr_Initialize(const char *name, TSS2_TCTI_CONTEXT **ret)
{
	assert_string_equal(name, TCTI);
	*ret = (TSS2_TCTI_CONTEXT *)&tcti;
	return TSS2_RC_SUCCESS;
}

void
__wrap_Tss2_TctiLdr_Finalize(TSS2_TCTI_CONTEXT **context)
{
	*context = NULL;
}

int
__wrap_device_check(const char *path)
{
	(void)path;
	return 0;
}

/* Without waiting. */
int
__wrap_device_lock(const char *path)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	assert_string_equal(path, "/dev/tpmrm0");
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool
is_free(void)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	bool r = flock(fd, LOCK_EX | LOCK_NB) == 0;

	close(fd);
	return r;
}

/* In a process group of its own, or nothing could stop it. */
static void
be_stopped_while_locked(void)
{
	struct tpm *tpm = NULL;

	if (setpgid(0, 0) != 0 || tpm_open(TCTI, &tpm) != 0)
		_exit(1);
	tpm_lock(tpm, TCTI);
	if (is_free())
		_exit(2);
	raise(SIGTSTP);
	tpm_unlock(tpm);
	/* From then on a stop stops. */
	raise(SIGTSTP);
	tpm_close(tpm);
	_exit(0);
}

static void
test_stop_waits_for_the_lock(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if ((pid = fork()) == 0)
		be_stopped_while_locked();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		if (!WIFSTOPPED(status))
			FAIL_MSG("not stopped: status 0x%x", status);
		if (!is_free()) {
			kill(pid, SIGKILL);
			FAIL_MSG("stopped with the lock");
		}
		kill(pid, SIGCONT);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Others may have it; it goes on without, and can be stopped. */
static void
test_no_lock(void **state)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct tpm *tpm = NULL;
	sigset_t mask;
	const char *out;

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(tpm_open(TCTI, &tpm), 0);
	out = STDERR_OF(tpm_lock(tpm, TCTI));
	assert_non_null(strstr(out, "others keep this TPM to themselves"));
	assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
	assert_false(sigismember(&mask, SIGTSTP));
	tpm_unlock(tpm);
	tpm_close(tpm);
	close(fd);
}

#define TEST_NAME "tpm"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop_waits_for_the_lock),
		cmocka_unit_test(test_no_lock),
	};
	int fd = mkstemp(file), failed;

	assert_true(fd >= 0);
	close(fd);
	failed = RUN(tests);
	unlink(file);
	return failed;
}
