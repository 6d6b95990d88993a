/* SPDX-License-Identifier: ISC */
/*
 * A provider's answers are their caller's, who frees each part by itself, as
 * OpenSSH's ssh-sk.c does. None may be NULL.
 */
#ifndef SKTPM_TESTS_RESPONSES_H
#define SKTPM_TESTS_RESPONSES_H

#include <stdlib.h>

#include "sk-api.h"

static inline void
free_enroll(struct sk_enroll_response *r)
{
	free(r->public_key);
	free(r->key_handle);
	free(r->signature);
	free(r->attestation_cert);
	free(r->authdata);
	free(r);
}

static inline void
free_sign(struct sk_sign_response *r)
{
	free(r->sig_r);
	free(r->sig_s);
	free(r);
}

#endif
