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
 * Takes one until this process ends. 0; FAIL_CA_LATER where all are taken;
 * FAIL_UNAVAILABLE where the directory cannot be used.
 */
int slot_take(const struct settings *settings, enum slot_for whom) MUST_CHECK;

/*
 * Counts a connection that ended without a whole request. *ret is how many
 * there were since the last time that this was not 0: it is so once a minute.
 * 0 or FAIL_UNAVAILABLE.
 */
int tally_incomplete(
    const struct settings *settings, int64_t now, unsigned int *ret) MUST_CHECK;

#endif
