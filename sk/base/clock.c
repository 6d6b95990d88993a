/* SPDX-License-Identifier: ISC */
#include <limits.h>
#include <time.h>

#include "base/clock.h"

uint64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t
clock_deadline(uint64_t ms)
{
	return clock_us() + ms * 1000;
}

/* Rounded up, so that a wait of this length does not end early. */
int
clock_ms_left(uint64_t deadline)
{
	uint64_t now = clock_us(), ms;

	if (now >= deadline)
		return 0;
	ms = (deadline - now + 999) / 1000;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}
