/* SPDX-License-Identifier: ISC */
/* Firmware that is known to leak ECDSA keys. */
#ifndef SKTPM_WEAKNESS_H
#define SKTPM_WEAKNESS_H

#include "doctor/report.h"

/*
 * What is known of a TPM by its manufacturer ("STM", "INTC") and firmware
 * version; *ret_remedy is NULL for FINDING_OK. Static storage.
 */
enum finding weakness_find(const char *vendor, unsigned int major,
    unsigned int minor, const char **ret_text, const char **ret_remedy);

#endif
