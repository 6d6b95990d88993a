/* SPDX-License-Identifier: ISC */
/*
 * How many connections are served at once, over all processes of the service:
 * a slot is a locked file below RuntimeDirectory, which the kernel frees when a
 * process ends in whatever way.
 */
#ifndef SKTPM_CA_SLOTS_H
#define SKTPM_CA_SLOTS_H

#include "ca/settings.h"

enum slot_for {
	SLOT_FOR_STRANGERS, /* who share a quarter of them */
	SLOT_FOR_KNOWN,	    /* logins by an approved key of a machine */
};

/*
 * Takes one until this process ends. `party` names a machine or a person in a
 * few characters, who has no more than a quarter of them, or two; NULL: nobody
 * in particular. 0; FAIL_CA_LATER where all are taken; FAIL_UNAVAILABLE where
 * the directory cannot be used.
 */
int slot_take(const struct settings *settings, enum slot_for whom,
    const char *party) MUST_CHECK;

/*
 * Counts a connection that ended without a whole request. *ret is how many
 * there were since the last time that this was not 0: it is so once a minute.
 * 0 or FAIL_UNAVAILABLE.
 */
int tally_incomplete(
    const struct settings *settings, int64_t now, unsigned int *ret) MUST_CHECK;

/*
 * Counts a refusal, of a login by a machine's key or a person, or of a
 * stranger's. *ret_written is whether it is to have a row of its own: so many a
 * minute are. *ret_before is how many had none in the time before. 0 or
 * FAIL_UNAVAILABLE.
 */
int tally_refused(const struct settings *settings, bool known, int64_t now,
    bool *ret_written, unsigned int *ret_before) MUST_CHECK;

#endif
