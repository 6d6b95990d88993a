/* SPDX-License-Identifier: ISC */
/* What sk-tpm doctor has found, as JSON and for a person. */
#ifndef SKTPM_REPORT_H
#define SKTPM_REPORT_H

#include <json-c/json.h>

#include "base/log.h"

enum finding {
	FINDING_OK,
	FINDING_WARNING, /* works, but not as well as it could */
	FINDING_WRONG,	 /* does not work */
};

struct report {
	struct json_object *list; /* of {check, status, text, remedy} */
	enum finding worst;
};

/* `remedy` is one phrase, or NULL; it is left out where all is well. */
void report_add(struct report *r, const char *check, enum finding finding,
    const char *remedy, const char *fmt, ...) PRINTF_LIKE(5, 6);

/* Prints it for a person: in colour on a terminal, unless NO_COLOR is set. */
void report_print(const struct report *r);

#endif
