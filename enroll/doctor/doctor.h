/* SPDX-License-Identifier: ISC */
/* The checks of sk-tpm doctor: each adds findings to a report. */
#ifndef SKTPM_DOCTOR_H
#define SKTPM_DOCTOR_H

#include <json-c/json.h>

#include "config.h"

enum finding {
	FINDING_OK,
	FINDING_WARNING, /* works, but not as well as it could */
	FINDING_WRONG,	 /* does not work */
};

struct report {
	struct json_object *list; /* of {check, status, text, remedy} */
	int worst;
};

/* `remedy` is one phrase, or NULL. */
void report_add(struct report *r, const char *check, enum finding finding,
    const char *remedy, const char *fmt, ...) PRINTF_LIKE(5, 6);

/* The TPM, from its device to the speed of a signature. */
void doctor_tpm(const struct config *cfg, struct report *r);

/* OpenSSH, and whether it finds the library. */
void doctor_ssh(const struct config *cfg, struct report *r);

/* A key by its file (or FILE.pub) or index, and whether ssh will use it. */
void doctor_key(const struct config *cfg, const char *name, struct report *r);

#endif
