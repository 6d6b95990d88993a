/* SPDX-License-Identifier: ISC */
/*
 * What stands between our code and others' in the test programs, by the
 * linker's --wrap: allocations, tpm2-tss's functions, the person.
 */
#ifndef SKTPM_TEST_WRAPS_H
#define SKTPM_TEST_WRAPS_H

#include <stdint.h>

#include "operations.h"

/* From here on until wraps_disarm: counts, and fails what `m` says. */
void wraps_arm(const struct mishap *m, struct outcome *out);
void wraps_disarm(void);

#endif
