/* SPDX-License-Identifier: ISC */
/* Lengths of time in text. */
#ifndef SKTPM_DURATION_H
#define SKTPM_DURATION_H

#include "base/text.h"

/*
 * Reads a time as sshd_config(5) has it under TIME FORMATS: numbers, each with
 * s, m, h, d or w behind it, or none for seconds; they add up. False for
 * anything else, and for more than `most` seconds; *ret is untouched then.
 */
bool duration_parse(const char *text, uint32_t most, uint32_t *ret) MUST_CHECK;

/* Appends a length of time in one unit, rounded down: "90 seconds". */
void duration_add(struct text *t, uint32_t seconds);

#endif
