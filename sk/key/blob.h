/* SPDX-License-Identifier: ISC */
/*
 * The public and the private area of a key, as a key handle has them:
 * marshalled, with their size fields.
 */
#ifndef SKTPM_BLOB_H
#define SKTPM_BLOB_H

#include <tss2/tss2_tpm2_types.h>

#include "base/bytes.h"

/*
 * Of a checked key, or of a template: whose bytes are those that we would have
 * written, so that tpm2-tss reads them as they are meant. (Before 4.0 it takes
 * some malformed ones.) 0 or FAIL_INTERNAL.
 */
int blob_read_public(const struct bytes *in, TPM2B_PUBLIC *ret) MUST_CHECK;

/* 0, or FAIL_HANDLE for anything else. */
int blob_read_private(const struct bytes *in, TPM2B_PRIVATE *ret) MUST_CHECK;

/* 0, FAIL_MEMORY or FAIL_INTERNAL. */
int blob_write_public(const TPM2B_PUBLIC *public, struct bytes *ret) MUST_CHECK;
int blob_write_private(
    const TPM2B_PRIVATE *private, struct bytes *ret) MUST_CHECK;

#endif
