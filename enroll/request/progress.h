/* SPDX-License-Identifier: ISC */
/* What a person at a terminal sees while they wait. */
#ifndef SKTPM_PROGRESS_H
#define SKTPM_PROGRESS_H

#include "base/log.h"

/* "TEXT..." in a line of stderr, where that is a terminal. No full stop. */
void progress(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
