/* SPDX-License-Identifier: ISC */
/*
 * Whether a person takes part. A TPM has no button. This software finds out
 * about presence, and the UP flag of a signature says no more than that.
 */
#ifndef SKTPM_PRESENCE_H
#define SKTPM_PRESENCE_H

#include "base/text.h"
#include "config.h"

/* What a person is asked. */
struct presence_question {
	struct text words; /* a sentence without its mark */
	struct text key;   /* the one to be used, in words; or empty */
	struct text asker; /* as "for " and what it serves; or empty */
	/* For this, or by whom is asking now; under auto it is the answer. */
	bool pin_entered;
};

/*
 * Asks the person in the way that the setting UserPresence names. 0: present;
 * FAIL_REFUSED: said no, or nothing in time; FAIL_PRESENCE: there is no way to
 * ask; FAIL_MEMORY.
 */
int presence_require(const struct config *cfg,
    const struct presence_question *question) MUST_CHECK;

/* Whether presence_require may ask a person, rather than know by itself. */
bool presence_asks(const struct config *cfg, bool pin_entered);

/*
 * Before FAIL_PIN_REQUIRED. ssh-agent signs for every program that reaches its
 * socket. It asks for the PIN next, and does not say what for. So the question
 * is asked here, as under auto; not under assume, and not of other callers: 0.
 * Also FAIL_REFUSED, FAIL_MEMORY, and FAIL_SECRET where there is no way to ask.
 */
int presence_before_pin(const struct config *cfg,
    const struct presence_question *question) MUST_CHECK;

/*
 * Whether the person who entered the PIN has seen what is signed: at a
 * terminal they asked for it themselves, by an agent presence_before_pin has
 * told them. Also true where nothing could be shown to them.
 */
bool presence_request_is_known(void);

/*
 * Whether the request comes from a terminal that a person is at: in its
 * foreground, by ssh or ssh-keygen. An agent, whatever its name, is none of
 * them: others may reach it.
 */
bool presence_is_at_terminal(void);

/*
 * With the PIN of a key that needs no person otherwise: the question, as under
 * auto, where presence_request_is_known is false; under assume it is not asked.
 * 0, also where it could not be asked; FAIL_REFUSED; FAIL_MEMORY.
 */
int presence_with_pin(const struct config *cfg,
    const struct presence_question *question) MUST_CHECK;

/*
 * True where the program that called us has that name, of 15 characters at
 * most: what it does before and after a call depends on it.
 */
bool presence_caller_is(const char *name);

/*
 * Shows `words` by askpass to a person whom our line on stderr does not reach,
 * as they are not at a terminal. It stays until they close it, or as long as a
 * question waits. Without an askpass, it does nothing.
 */
void presence_tell(const struct config *cfg, const char *words);

/*
 * The askpass that SSH_ASKPASS names, there or not, else one that is installed,
 * else NULL; whether or not SSH_ASKPASS_REQUIRE wants it. Borrowed.
 */
const char *presence_find_askpass(void);

/*
 * Asks for a secret at the terminal, or by askpass where that is wanted. The
 * secret is terminated; the caller ends *ret with bytes_reset. 0;
 * FAIL_SECRET where there is no way to ask; FAIL_REFUSED; FAIL_MEMORY.
 */
int presence_ask_secret(
    const struct config *cfg, const char *prompt, struct bytes *ret) MUST_CHECK;

/*
 * Has a new PIN typed a second time where there is a terminal to do it on.
 * 0, also without one; FAIL_PIN_REQUIRED if they differ; FAIL_REFUSED;
 * FAIL_MEMORY.
 */
int presence_confirm_pin(const struct config *cfg, const char *pin) MUST_CHECK;

#endif
