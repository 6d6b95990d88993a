/* SPDX-License-Identifier: ISC */
/* What a CA looks like at present, counted: for sk-tpm-ca status and metrics.
 */
#ifndef SKTPM_CA_FIGURES_H
#define SKTPM_CA_FIGURES_H

#include "ca/store.h"

#define FIGURES_CODES 16

struct figures_of_type { /* user's or host's certificates */
	uint64_t valid;
	int64_t next_expiry; /* seconds since 1970; 0: there is none */
	uint64_t issued;     /* ever */
};

struct figures {
	uint64_t machines_enabled, machines_disabled;
	uint64_t machines_waiting, machines_refused;
	uint64_t keys_pending;
	struct figures_of_type types[2]; /* user and host */
	uint64_t revoked;     /* certificates, of those still valid */
	int64_t last_issued;  /* seconds since 1970; 0: none */
	uint64_t krl_version; /* 0: there is none yet */
	bool krl_stale;	      /* something was revoked since */
	/* Requests that were refused: ever, and since a day ago, by code. */
	size_t n_codes;
	struct {
		char code[32];
		uint64_t ever, of_day;
	} refused[FIGURES_CODES];
	int64_t audit_rows;
};

/* Reads the store alone. 0, FAIL_STORE or FAIL_MEMORY. */
int figures_count(
    struct store *store, int64_t now, struct figures *ret) MUST_CHECK;

#endif
