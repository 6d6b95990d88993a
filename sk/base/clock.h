/* SPDX-License-Identifier: ISC */
/* A clock that nobody sets, for how long something takes. */
#ifndef SKTPM_CLOCK_H
#define SKTPM_CLOCK_H

#include <stdint.h>

/* In microseconds, since some time before we began. */
uint64_t clock_us(void);

/* When so many milliseconds will have passed, on that clock. */
uint64_t clock_deadline(uint64_t ms);

/* How many milliseconds are left until then; 0 if it is past. */
int clock_ms_left(uint64_t deadline);

#endif
