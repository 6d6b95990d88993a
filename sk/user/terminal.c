/* SPDX-License-Identifier: ISC */
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "user/terminal.h"

/* Signals that would leave the terminal without echo. */
static const int caught_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
	SIGTSTP };

#define N_SIGNALS (sizeof(caught_signals) / sizeof(caught_signals[0]))

static volatile sig_atomic_t caught;

struct terminal {
	int fd;
	int lock;     /* see lock_terminal; or -1 */
	pid_t parent; /* who waits for us */
	struct termios saved;
	struct sigaction saved_actions[N_SIGNALS];
};

static void
note_signal(int sig)
{
	caught = sig;
}

static int
open_foreground(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd != -1 && tcgetpgrp(fd) != getpgrp()) {
		close(fd);
		fd = -1;
	}
	return fd;
}

bool
terminal_is_there(void)
{
	int fd = open_foreground();

	if (fd == -1)
		return false;
	close(fd);
	return true;
}

static void
write_terminal(int fd, const char *s)
{
	size_t len = strlen(s);
	ssize_t n;

	while (len > 0 && (n = write(fd, s, len)) > 0) {
		s += n;
		len -= (size_t)n;
	}
}

/* The device behind /dev/tty, which only its own user can open. */
static int
open_device(int tty)
{
	char path[64];
	struct stat st;
	unsigned int n;
	int fd;

	if (ioctl(tty, TIOCGDEV, &n) != 0)
		return -1;
	if (major(n) >= 136 && major(n) <= 143)
		snprintf(path, sizeof(path), "/dev/pts/%u",
		    (major(n) - 136) * 256 + minor(n));
	else if (major(n) == 4)
		snprintf(path, sizeof(path), "/dev/tty%u", minor(n));
	else
		return -1;
	fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd != -1 && (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/*
 * One question at a time: two that share a terminal would take each other's
 * answers, and save each other's settings. A terminal that cannot be locked
 * is used all the same.
 */
static int
lock_terminal(struct terminal *t, uint64_t deadline)
{
	const struct timespec step = { .tv_nsec = 50000000 };

	if ((t->lock = open_device(t->fd)) == -1)
		return 0;
	while (flock(t->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
		if (clock_ms_left(deadline) == 0)
			return fail(FAIL_REFUSED,
			    "another question was on the terminal all the "
			    "time");
		nanosleep(&step, NULL);
	}
	return 0;
}

static void
close_terminal(struct terminal *t)
{
	if (t->lock != -1)
		close(t->lock);
	if (t->fd != -1)
		close(t->fd);
}

static int
open_terminal(struct terminal *t, uint64_t deadline)
{
	int r;

	*t = (struct terminal){ .lock = -1, .parent = getppid() };
	if ((t->fd = open_foreground()) == -1)
		return fail(
		    FAIL_PRESENCE, "there is no terminal to ask a person on");
	r = lock_terminal(t, deadline);
	if (r == 0 && tcgetattr(t->fd, &t->saved) != 0)
		r = fail(FAIL_PRESENCE, "the terminal does not behave as one");
	if (r != 0)
		close_terminal(t);
	return r;
}

/*
 * Without echo, and without the line editor where single keys are wanted.
 * TCSAFLUSH throws away what was typed before the question was shown.
 */
static int
begin_question(struct terminal *t, tcflag_t off, uint64_t deadline)
{
	struct sigaction action = { .sa_handler = note_signal };
	struct termios raw;
	int r;

	if ((r = open_terminal(t, deadline)) != 0)
		return r;
	caught = 0;
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(caught_signals[i], &action, &t->saved_actions[i]);
	raw = t->saved;
	raw.c_lflag &= ~(ECHO | ECHONL | off);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(t->fd, TCSAFLUSH, &raw);
	return 0;
}

static void
end_question(struct terminal *t)
{
	sigset_t ttou, saved;

	/* Also from the background, where the caller may have left us. */
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &saved);
	write_terminal(t->fd, "\r\n");
	tcsetattr(t->fd, TCSAFLUSH, &t->saved);
	sigprocmask(SIG_SETMASK, &saved, NULL);
	close_terminal(t);
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(caught_signals[i], &t->saved_actions[i], NULL);
	if (caught != 0)
		raise(caught);
}

/* How often to look whether the caller is still there. */
#define TICK_MS 300

/* A key, the deadline, a signal, or a caller that went away. */
static int
wait_for_key(const struct terminal *t, uint64_t deadline)
{
	struct pollfd pfd = { .fd = t->fd, .events = POLLIN };
	int left, n = 0;

	/* A signal just before poll(2) does not interrupt it. */
	while (n == 0 && caught == 0 && (left = clock_ms_left(deadline)) > 0) {
		n = poll(&pfd, 1, left < TICK_MS ? left : TICK_MS);
		if (n == -1 && errno == EINTR && caught == 0)
			n = 0;
		if (n == 0 && getppid() != t->parent)
			return fail(FAIL_REFUSED, "the caller went away");
	}
	if (caught != 0)
		return fail(FAIL_REFUSED, "interrupted");
	if (n == 0)
		return fail(FAIL_REFUSED, "nobody answered in time");
	return 0;
}

static int
read_byte(const struct terminal *t, uint64_t deadline, uint8_t *ret)
{
	int r;

	if ((r = wait_for_key(t, deadline)) != 0)
		return r;
	if (read(t->fd, ret, 1) != 1)
		return fail(FAIL_REFUSED, "the terminal went away");
	return 0;
}

int
terminal_confirm(const char *question, unsigned int seconds)
{
	uint64_t deadline = clock_deadline(seconds * 1000ULL);
	struct terminal t;
	uint8_t key = 0;
	int r;

	if ((r = begin_question(&t, ICANON, deadline)) != 0)
		return r;
	write_terminal(t.fd, "\r");
	write_terminal(t.fd, question);
	write_terminal(
	    t.fd, "\r\nPress y to allow it, any other key to refuse: ");
	if ((r = read_byte(&t, deadline, &key)) == 0)
		write_terminal(t.fd, key == 'y' || key == 'Y' ? "yes" : "no");
	end_question(&t);
	if (r == 0 && key != 'y' && key != 'Y')
		r = fail(FAIL_REFUSED, "refused at the terminal");
	return r;
}

int
terminal_read_secret(
    const char *prompt, unsigned int seconds, struct bytes *ret)
{
	uint8_t line[TERMINAL_SECRET_MAX + 2];
	uint64_t deadline = clock_deadline(seconds * 1000ULL);
	struct terminal t;
	size_t len = 0;
	int r;

	if ((r = begin_question(&t, 0, deadline)) != 0)
		return r;
	write_terminal(t.fd, "\r");
	write_terminal(t.fd, prompt);
	while ((r = read_byte(&t, deadline, &line[len])) == 0 &&
	    line[len] != '\n' && len < sizeof(line) - 1)
		len++;
	end_question(&t);
	line[len] = '\0';
	if (r == 0 && memchr(line, '\0', len) != NULL)
		r = fail(FAIL_REFUSED,
		    "a NUL byte was typed (Control-Space is one), which a PIN "
		    "or password cannot have");
	if (r == 0)
		r = bytes_set(ret, line, len + 1);
	explicit_bzero(line, sizeof(line));
	return r;
}
