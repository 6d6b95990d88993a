/* SPDX-License-Identifier: ISC */
/* A monotonic clock. */
#ifndef SKTPM_CLOCK_H
#define SKTPM_CLOCK_H

#include <stdint.h>

/* Microseconds since some time in the past. */
uint64_t clock_us(void);

/* The time on that clock in this many milliseconds. */
uint64_t clock_deadline(uint64_t ms);

/* Milliseconds until the deadline; 0 if it is past. */
int clock_ms_left(uint64_t deadline);

#endif
