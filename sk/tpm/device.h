/* SPDX-License-Identifier: ISC */
/*
 * A TPM's device file: whether it is one, why it cannot be opened, and what
 * the person can do.
 */
#ifndef SKTPM_DEVICE_H
#define SKTPM_DEVICE_H

#include "base/bytes.h"

/*
 * Whether `path` (empty: /dev/tpmrm0) may be opened as a TPM at all: 0, also
 * where only opening will tell, or FAIL_NO_DEVICE for anything that is not a
 * character device. Commands must not be written into a file.
 */
int device_check(const char *path) MUST_CHECK;

/* `path`, or the default where it is empty. */
const char *device_or_default(const char *path);

/*
 * Opens the device file `path`, which is not empty: for reading and writing,
 * without waiting. 0 or why not, as device_explain has it. *ret is the caller's
 * to close.
 */
int device_open(const char *path, int *ret) MUST_CHECK;

/*
 * Remembers why the device file `path` does not serve tctildr, and returns
 * FAIL_NO_DEVICE, FAIL_PERMISSION, FAIL_TPM_BUSY or FAIL_UNREACHABLE.
 */
int device_explain(const char *path);

/*
 * `path` is not empty. Waits, but for ten seconds at most, until no other
 * process of ours has the device locked, and locks it; commands pass all the
 * same. The descriptor is the caller's to close, which ends it; -1 where it
 * cannot be had.
 */
int device_lock(const char *path);

#endif
