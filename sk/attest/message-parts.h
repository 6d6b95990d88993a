/* SPDX-License-Identifier: ISC */
/*
 * What the lines of sk-tpm-attest are made of; for the files message-*.c alone.
 * What reads returns FAIL_PROTOCOL or FAIL_MEMORY, what puts FAIL_MEMORY.
 */
#ifndef SKTPM_MESSAGE_PARTS_H
#define SKTPM_MESSAGE_PARTS_H

#include "base/bytes.h"

#define PROTOCOL "sk-tpm-attest"
#define VERSION_LINE PROTOCOL " 1"

/* By enum certificate_type. */
extern const char *const part_types[];

/* fail() for what is not as it has to be; FAIL_PROTOCOL. */
int part_fail(const char *what);

/* Printable ASCII, 1 to `most` bytes, with spaces at most inside. */
bool part_is_text(struct slice s, size_t most);

/* The same without spaces. */
bool part_is_word(struct slice s, size_t most);

/* True, and *line without it, where it begins with that. */
bool part_take_prefix(struct slice *line, const char *prefix);

/* What is before the first space, or all; *line becomes what is behind it. */
struct slice part_take_word(struct slice *line);

int part_read_base64(struct slice in, struct bytes *ret) MUST_CHECK;
int part_read_type(struct slice word, uint32_t *ret) MUST_CHECK;

/* A copy of a text that is good; else it fails. */
int part_read_text(struct slice in, bool good, struct bytes *ret) MUST_CHECK;

/* The first line of either side. FAIL_VERSION for another version. */
int part_read_version(struct slice line) MUST_CHECK;

int part_put(struct bytes *out, const char *text) MUST_CHECK;

/* A line of a word and base64, or text. */
int part_put_base64(
    struct bytes *out, const char *word, struct slice content) MUST_CHECK;
int part_put_text_line(
    struct bytes *out, const char *word, struct slice content) MUST_CHECK;

#endif
