/* SPDX-License-Identifier: ISC */
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

static enum log_level max_level = LOG_LEVEL_INFO;
static char cause[1024];
static const char *program = "sk-tpm";

void
log_set_program(const char *name)
{
	program = name;
}

void
log_set_level(enum log_level level)
{
	max_level = level;
}

bool
log_shows(enum log_level level)
{
	return level <= max_level;
}

/* True where nobody can read stderr: it is closed, or /dev/null. */
static bool
stderr_is_void(void)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) != 0)
		return true;
	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

/* One write per line, and a reader that has gone away must not kill us. */
static void
write_stderr(const char *line, size_t len)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, saved;
	ssize_t n;

	sigaction(SIGPIPE, &ignore, &saved);
	do
		n = write(STDERR_FILENO, line, len);
	while (n == -1 && errno == EINTR);
	sigaction(SIGPIPE, &saved, NULL);
}

void
log_to_syslog(int priority, const char *line)
{
	openlog(program, LOG_PID, LOG_AUTHPRIV);
	syslog(priority, "%s", line);
	closelog();
}

static void
emit(int priority, char *text)
{
	char line[2048];
	int n;

	/*
	 * The text may hold a path or a setting's value. It stays one line,
	 * without characters that a terminal acts on, those of C1 included.
	 */
	for (char *s = text; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s >= 0x7f)
			*s = '?';
	if (stderr_is_void()) {
		log_to_syslog(priority, text);
		return;
	}
	n = snprintf(line, sizeof(line), "%s: %s\n", program, text);
	if (n > 0 && (size_t)n < sizeof(line))
		write_stderr(line, (size_t)n);
}

__attribute__((format(printf, 3, 0))) static void
vlog(enum log_level level, int priority, const char *fmt, va_list ap)
{
	char text[1900];

	if (!log_shows(level))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	emit(priority, text);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_LEVEL_INFO, LOG_INFO, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_LEVEL_DEBUG, LOG_DEBUG, fmt, ap);
	va_end(ap);
}

int
log_fail_at(const char *file, int line, const char *function, int err,
    const char *fmt, ...)
{
	char text[sizeof(cause)];
	va_list ap;

	/* Not into cause itself: it may be among the arguments. */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	memcpy(cause, text, sizeof(cause));
	log_debug(
	    "%s:%d: %s: failure %d: %s", file, line, function, err, cause);
	return err;
}

const char *
log_cause(void)
{
	return cause;
}

void
log_failure(int err)
{
	const char *remedy = error_remedy(err);
	char text[1900];

	snprintf(text, sizeof(text), "%s%s%s",
	    cause[0] != '\0' ? cause : "failed", remedy != NULL ? "; " : "",
	    remedy != NULL ? remedy : "");
	emit(LOG_ERR, text);
	cause[0] = '\0';
}

void
log_begin(void)
{
	const bool privileged = getauxval(AT_SECURE) != 0;
	int fd;

	if (privileged)
		unsetenv("TSS2_LOGFILE");
	setenv("TSS2_LOG", "all+NONE", privileged);
	while ((fd = open("/dev/null", O_RDWR)) != -1 && fd <= STDERR_FILENO)
		;
	if (fd > STDERR_FILENO)
		close(fd);
}

void
log_begin_secret(void)
{
	setenv("TSS2_LOG", "all+NONE", 1);
	log_begin();
}
