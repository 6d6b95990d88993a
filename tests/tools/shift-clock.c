/* SPDX-License-Identifier: ISC */
/*
 * To be preloaded: SHIFT_CLOCK seconds are added to what time(2) says, for a
 * program whose machine's clock is wrong. Clocks that measure spans of time go
 * as they go.
 */
#include <stdlib.h>
#include <time.h>

#pragma GCC visibility push(default)
time_t
time(time_t *ret)
{
	const char *shift = getenv("SHIFT_CLOCK");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += shift != NULL ? strtol(shift, NULL, 10) : 0;
	if (ret != NULL)
		*ret = now.tv_sec;
	return now.tv_sec;
}
#pragma GCC visibility pop
