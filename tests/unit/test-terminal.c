/* SPDX-License-Identifier: ISC */
/*
 * Questions at a terminal: what can only be arranged from inside. The rest is
 * tests/e2e/presence.sh's.
 */
#include "unit.h"

#include <sys/ioctl.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "user/terminal.h"

#define SECONDS 20

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);

static int signal_before_poll;

/* A signal that has been handled interrupts no poll(2) that is to come. */
int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (signal_before_poll != 0)
		raise(signal_before_poll);
	signal_before_poll = 0;
	return __real_poll(fds, n, timeout);
}

/* On the terminal `name`, in a process of its own that ignores SIGTERM. */
static int
ask(const char *name)
{
	int fd;

	signal(SIGTERM, SIG_IGN);
	if (setsid() == -1 || (fd = open(name, O_RDWR)) == -1 ||
	    ioctl(fd, TIOCSCTTY, 0) != 0)
		return 1;
	signal_before_poll = SIGTERM;
	return terminal_confirm("Sign", SECONDS) == FAIL_REFUSED ? 0 : 2;
}

static void
test_signal_just_before_it_waits(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), status;
	uint64_t deadline = clock_deadline(SECONDS * 1000 / 2);
	const char *name;
	pid_t pid;

	(void)state;
	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	assert_non_null(name = ptsname(master));
	fflush(stdout);
	if ((pid = fork()) == 0)
		exit(ask(name));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(clock_ms_left(deadline) > 0);
	close(master);
}

#define TEST_NAME "terminal"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signal_just_before_it_waits),
	};

	return RUN(tests);
}
