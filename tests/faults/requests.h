/* SPDX-License-Identifier: ISC */
/* The part of sk-tpm request that needs the TPM, against a CA without one. */
#ifndef SKTPM_TEST_REQUESTS_H
#define SKTPM_TEST_REQUESTS_H

struct outcome;

/* For a key without a PIN, and for one with. */
int run_request(struct outcome *out);
int run_request_pin(struct outcome *out);

#endif
