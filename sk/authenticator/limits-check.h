/* SPDX-License-Identifier: ISC */
/* Whether the limits of a key allow what it is asked to sign. */
#ifndef SKTPM_LIMITS_CHECK_H
#define SKTPM_LIMITS_CHECK_H

#include "key/limits.h"
#include "ssh/signdata.h"

/* 0, or FAIL_LIMIT with words that say which limit the request goes past. */
int limits_check(const struct limits *l, struct request *req) MUST_CHECK;

#endif
