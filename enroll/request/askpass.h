/* SPDX-License-Identifier: ISC */
/*
 * Gives ssh the PIN that a person has entered already, when it asks for the
 * PIN of the same key. ssh starts an askpass for that, which is sk-tpm again:
 * it passes the question on to us by a socket, and prints what we say. The PIN
 * is in no argument, environment or file. What else ssh asks, a person is
 * asked, in the way that they chose.
 */
#ifndef SKTPM_ASKPASS_H
#define SKTPM_ASKPASS_H

#include <sys/types.h>

#include "base/bytes.h"

#define ASKPASS_ENV 5

struct askpass;

/*
 * `key` is the key file, `pin` its PIN, terminated; both are borrowed. 0;
 * FAIL_INTERNAL; FAIL_MEMORY. The caller ends *ret with askpass_free.
 */
int askpass_new(
    const char *key, const char *pin, struct askpass **ret) MUST_CHECK;

/* ASKPASS_ENV texts "NAME=value" for the environment of ssh; borrowed. */
char *const *askpass_environment(const struct askpass *askpass);

/*
 * Only what this ssh has started is told from here on, and each process that
 * asks by it once: it asks again where the PIN was wrong.
 */
void askpass_begin(struct askpass *askpass, pid_t ssh);

/* Can be read when somebody asks. */
int askpass_fd(const struct askpass *askpass);

/* Answers one question. */
void askpass_serve(struct askpass *askpass);

/* Whether the PIN was given since askpass_begin. */
bool askpass_gave(const struct askpass *askpass);

void askpass_free(struct askpass *askpass);

/* Whether sk-tpm was started as an askpass by ssh; with its one argument. */
bool askpass_is_asked(int argc, char **argv);

/* Asks and prints; an exit status. */
int askpass_main(const char *prompt);

#endif
