/* SPDX-License-Identifier: ISC */
/*
 * Single CBOR items (RFC 8949) written and read in their shortest form, on
 * libcbor's streaming functions. No memory is allocated by a length that was
 * read. Longer forms are read as well; who wants only the shortest encodes
 * again and compares.
 */
#ifndef SKTPM_CBOR_H
#define SKTPM_CBOR_H

#include "base/bytes.h"

/* Append one item, or the head of one. 0, FAIL_MEMORY or FAIL_INTERNAL. */
int cbor_put_uint(struct bytes *out, uint64_t value) MUST_CHECK;
int cbor_put_bytes(struct bytes *out, struct slice value) MUST_CHECK;
int cbor_put_text(struct bytes *out, struct slice value) MUST_CHECK;
int cbor_put_map(struct bytes *out, size_t entries) MUST_CHECK;
int cbor_put_array(struct bytes *out, size_t items) MUST_CHECK;

/*
 * Take one item of the type named, or its head, off the front of *in. False,
 * and *in undefined, if something else or nothing whole is there. Strings
 * borrow from *in.
 */
bool cbor_take_uint(struct slice *in, uint64_t *ret) MUST_CHECK;
bool cbor_take_bytes(struct slice *in, struct slice *ret) MUST_CHECK;
bool cbor_take_text(struct slice *in, struct slice *ret) MUST_CHECK;
bool cbor_take_map(struct slice *in, uint64_t *ret_entries) MUST_CHECK;
bool cbor_take_array(struct slice *in, uint64_t *ret_items) MUST_CHECK;

/*
 * The same of entries of a map whose keys are numbers: the key and its value.
 * An entry with another key counts as something else.
 */
int cbor_put_entry_uint(
    struct bytes *out, uint64_t key, uint64_t value) MUST_CHECK;
int cbor_put_entry_bytes(
    struct bytes *out, uint64_t key, struct slice value) MUST_CHECK;
int cbor_put_entry_text(
    struct bytes *out, uint64_t key, struct slice value) MUST_CHECK;
bool cbor_take_key(struct slice *in, uint64_t key) MUST_CHECK;
bool cbor_take_entry_uint(
    struct slice *in, uint64_t key, uint64_t *ret) MUST_CHECK;
bool cbor_take_entry_bytes(
    struct slice *in, uint64_t key, struct slice *ret) MUST_CHECK;
bool cbor_take_entry_text(
    struct slice *in, uint64_t key, struct slice *ret) MUST_CHECK;

/* Takes the key only if it is this one; *in is as it was if not. */
bool cbor_take_optional_key(struct slice *in, uint64_t key) MUST_CHECK;

#endif
