/* SPDX-License-Identifier: ISC */
/*
 * A fingerprint through fprintd, the D-Bus service net.reactivated.Fprint.
 * libsystemd, which speaks D-Bus, is loaded only by the call.
 */
#ifndef SKTPM_FINGERPRINT_H
#define SKTPM_FINGERPRINT_H

#include "base/bytes.h"

/*
 * Shows the question (a line without its mark) once there is a reader, and
 * waits for a finger that fprintd knows as this user's. 0; FAIL_REFUSED (not
 * the user's, or nothing in time); FAIL_PRESENCE (no service, no reader, no
 * finger enrolled).
 */
int fingerprint_verify(const char *question, unsigned int seconds) MUST_CHECK;

#endif
