/* SPDX-License-Identifier: ISC */
/*
 * Calls that fail, one after the other: wrapped by the linker (see TEST_LDFLAGS
 * in tests/tests.mk), they count, and one of them fails.
 *
 *	FAILING(void *, malloc, (size_t n), (n), NULL)
 *	...
 *	EACH_FAILING(r = make(&made)) {
 *		the n-th call failed: r and what is left of it
 *	}
 */
#ifndef FAILING_H
#define FAILING_H

#include "unit.h"

/* How many calls are left until the one that fails; 0: none. */
static unsigned int failing_in;

static inline bool
failing_now(void)
{
	return failing_in > 0 && --failing_in == 0;
}

#define FAILING(type, name, parameters, arguments, failure)               \
	type __real_##name parameters;                                    \
	type __wrap_##name parameters;                                    \
	type __wrap_##name parameters                                     \
	{                                                                 \
		return failing_now() ? failure : __real_##name arguments; \
	}

/* Begins with the first call, and ends when there are none left to fail. */
#define EACH_FAILING(call)                                             \
	for (unsigned int failing = 1; failing_in = failing++, (call), \
			  failing_in == 0 || (failing_in = 0) != 0;)

#endif
