/* SPDX-License-Identifier: ISC */
/*
 * Keys that depend on PCRs. The TPM keeps to that by itself; this tells a
 * person beforehand, and names what differs.
 */
#ifndef SKTPM_BOOT_STATE_H
#define SKTPM_BOOT_STATE_H

#include "key/handle.h"
#include "tpm/tpm.h"

/*
 * Compares the key's PCRs with what they are now. One command for eight of
 * them, and none for a key that depends on none. 0; FAIL_BOOT_STATE where they
 * differ, whose cause names them; what pcr_read gives.
 */
int boot_state_check(struct tpm *tpm, const struct handle *h) MUST_CHECK;

#endif
