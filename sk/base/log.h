/* SPDX-License-Identifier: ISC */
/*
 * What the person gets to see. stderr is the caller's (ssh, ssh-keygen, an
 * agent) and our only way to a human; where it leads nowhere, as under a
 * daemon, lines go to syslog (LOG_AUTHPRIV) instead.
 *
 * No PIN, authorization value or key blob is ever passed to these functions.
 */
#ifndef SKTPM_LOG_H
#define SKTPM_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR, /* only why a call failed */
	LOG_LEVEL_INFO,	 /* also what a person should know */
	LOG_LEVEL_DEBUG, /* also each step, with TPM response codes */
};

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * What begins our lines, and is their name in syslog; "sk-tpm" at first. The
 * text has to stay.
 */
void log_set_program(const char *name);

/* Levels above `level` stay silent. The initial level is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* True where lines of that level are shown, for words that take work. */
bool log_shows(enum log_level level);

void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * Sends a line to syslog (LOG_AUTHPRIV), at a priority of syslog(3), at every
 * level. It has to be printable ASCII.
 */
void log_to_syslog(int priority, const char *line);

/*
 * fail(err, fmt, ...) remembers why something failed and returns err, so that
 * the deepest place reads `return fail(FAIL_X, "...")`. A later call replaces
 * an earlier one. The text names the cause without a full stop. It is not
 * printed yet, as the caller may know another way; the debug log gets it at
 * once, with the file, the line and the function that failed.
 */
#define fail(...) log_fail_at(__FILE__, __LINE__, __func__, __VA_ARGS__)

/* The function behind fail(), which alone calls it. */
int log_fail_at(const char *file, int line, const char *function, int err,
    const char *fmt, ...) PRINTF_LIKE(5, 6);

/* What fail() remembered last, for a failure that was recovered from. */
const char *log_cause(void);

/* Prints the one line for err: the remembered cause and its remedy. */
void log_failure(int err);

/*
 * Prepare the process for our lines, and only ours, on stderr. Descriptors 0, 1
 * and 2 are opened where they are closed: a TPM device that became descriptor 2
 * would be sent our lines as commands. tpm2-tss does not log its failures; with
 * log_begin, it does where TSS2_LOG asks for it. A call that handles secrets
 * begins with log_begin_secret, which silences it in any case: its debug level
 * prints authValues. So does a set-user-ID program, where it would append to
 * the file that TSS2_LOGFILE names.
 */
void log_begin(void);
void log_begin_secret(void);

#endif
