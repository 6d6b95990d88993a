/* SPDX-License-Identifier: ISC */
#ifndef SKTPM_CA_SANDBOX_H
#define SKTPM_CA_SANDBOX_H

#include "base/bytes.h"

/*
 * From now on this process can read and write what it has open, get memory,
 * tell the time and end; anything else ends it, and opening a file fails. It
 * gets no new privileges, leaves no core file, and ends with its parent. There
 * is no way back. 0, or FAIL_INTERNAL where the kernel cannot do that: then it
 * must not go on.
 */
int sandbox_enter(void) MUST_CHECK;

#endif
