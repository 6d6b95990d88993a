/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "request/progress.h"

void
progress(const char *fmt, ...)
{
	va_list args;

	if (!log_shows(LOG_LEVEL_INFO) || isatty(STDERR_FILENO) != 1)
		return;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputs("...\n", stderr);
}
