/* SPDX-License-Identifier: ISC */
/* The checks of sk-tpm doctor. Each adds findings to a report. */
#ifndef SKTPM_CHECK_H
#define SKTPM_CHECK_H

#include "config.h"
#include "doctor/report.h"
#include "tpm/tpm.h"

/* The TPM, from its device to the speed of a signature. */
void check_tpm(const struct config *cfg, struct report *r);

/* The endorsement key, its certificate, and what this machine is called by. */
void check_ek(struct tpm *tpm, const struct config *cfg, struct report *r);

/* What a server that has joined a CA has of it; nothing for another one. */
void check_join(struct report *r);

/* OpenSSH, and whether it finds the library. */
void check_ssh(const struct config *cfg, struct report *r);

/* A key by its file (or FILE.pub) or index, and whether ssh will use it. */
void check_key(const struct config *cfg, const char *name, struct report *r);

#endif
