/* SPDX-License-Identifier: ISC */
#ifndef SKTPM_SHA256_H
#define SKTPM_SHA256_H

#include "base/bytes.h"

#define SHA256_LEN 32

/* 0 or FAIL_INTERNAL. */
int sha256(struct slice in, uint8_t ret[SHA256_LEN]) MUST_CHECK;

/* The same of a text, without its terminating zero. 0 or FAIL_INTERNAL. */
int sha256_text(const char *text, uint8_t ret[SHA256_LEN]) MUST_CHECK;

#endif
