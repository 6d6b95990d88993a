/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "log.h"
#include "pin.h"
#include "terminal.h"

/* Signals that would leave the terminal without echo. */
static const int caught_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
	SIGTSTP };

#define N_SIGNALS (sizeof(caught_signals) / sizeof(caught_signals[0]))

static volatile sig_atomic_t caught;

struct terminal {
	int fd;
	struct termios saved;
	struct sigaction saved_actions[N_SIGNALS];
};

static void
on_signal(int sig)
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

/*
 * Without echo, and without the line editor where single keys are wanted.
 * TCSAFLUSH throws away what was typed before the question was shown.
 */
static int
begin(struct terminal *t, tcflag_t off)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct termios raw;

	if ((t->fd = open_foreground()) == -1 ||
	    tcgetattr(t->fd, &t->saved) != 0) {
		if (t->fd != -1)
			close(t->fd);
		return fail(
		    FAIL_PRESENCE, "there is no terminal to ask a person on");
	}
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
end(struct terminal *t)
{
	write_terminal(t->fd, "\r\n");
	tcsetattr(t->fd, TCSAFLUSH, &t->saved);
	close(t->fd);
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(caught_signals[i], &t->saved_actions[i], NULL);
	if (caught != 0)
		raise(caught);
}

static int
milliseconds_until(const struct timespec *deadline)
{
	struct timespec now;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (deadline->tv_sec - now.tv_sec) * 1000 +
	    (deadline->tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? (int)ms : 0;
}

/* One byte: 0, or FAIL_REFUSED at the deadline, a signal or the end. */
static int
read_byte(
    const struct terminal *t, const struct timespec *deadline, uint8_t *ret)
{
	struct pollfd pfd = { .fd = t->fd, .events = POLLIN };
	int n;

	do
		n = poll(&pfd, 1, milliseconds_until(deadline));
	while (n == -1 && errno == EINTR && caught == 0);
	if (caught != 0)
		return fail(FAIL_REFUSED, "interrupted");
	if (n == 0)
		return fail(FAIL_REFUSED, "nobody answered in time");
	if (n == -1 || read(t->fd, ret, 1) != 1)
		return fail(FAIL_REFUSED, "the terminal went away");
	return 0;
}

static void
set_deadline(unsigned int seconds, struct timespec *ret)
{
	clock_gettime(CLOCK_MONOTONIC, ret);
	ret->tv_sec += seconds;
}

int
terminal_confirm(const char *question, unsigned int seconds)
{
	struct timespec deadline;
	struct terminal t;
	uint8_t key = 0;
	int r;

	if ((r = begin(&t, ICANON)) != 0)
		return r;
	write_terminal(t.fd, "\rsk-tpm: ");
	write_terminal(t.fd, question);
	write_terminal(
	    t.fd, "?\r\nPress y to allow it, any other key to refuse: ");
	set_deadline(seconds, &deadline);
	if ((r = read_byte(&t, &deadline, &key)) == 0)
		write_terminal(t.fd, key == 'y' || key == 'Y' ? "yes" : "no");
	end(&t);
	if (r == 0 && key != 'y' && key != 'Y')
		r = fail(FAIL_REFUSED, "refused at the terminal");
	return r;
}

int
terminal_read_secret(
    const char *prompt, unsigned int seconds, struct bytes *ret)
{
	uint8_t line[PIN_MAX_LEN + 2];
	struct timespec deadline;
	struct terminal t;
	size_t len = 0;
	int r;

	if ((r = begin(&t, 0)) != 0)
		return r;
	write_terminal(t.fd, "\r");
	write_terminal(t.fd, prompt);
	set_deadline(seconds, &deadline);
	while ((r = read_byte(&t, &deadline, &line[len])) == 0 &&
	    line[len] != '\n' && len < sizeof(line) - 1)
		len++;
	end(&t);
	line[len] = '\0';
	if (r == 0)
		r = bytes_set(ret, line, len + 1);
	explicit_bzero(line, sizeof(line));
	return r;
}
