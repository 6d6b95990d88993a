/* SPDX-License-Identifier: ISC */
/*
 * A TPM's device file, seen only after connecting to it failed: why it cannot
 * be opened, and what the person can do.
 */
#ifndef SKTPM_DEVICE_H
#define SKTPM_DEVICE_H

/*
 * Remembers why the device file `path` does not serve and returns
 * FAIL_NO_DEVICE, FAIL_PERMISSION, FAIL_TPM_BUSY or FAIL_UNREACHABLE.
 */
int device_explain(const char *path);

#endif
