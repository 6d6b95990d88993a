/* SPDX-License-Identifier: ISC */
/*
 * Platform Configuration Registers: what the firmware and the boot loader have
 * measured, in the SHA-256 bank. A set of them is a uint32_t whose bit n is
 * PCR n. No TSS header is needed.
 */
#ifndef SKTPM_PCR_H
#define SKTPM_PCR_H

#include "base/text.h"

#define PCR_COUNT 24
#define PCR_LEN 32

/*
 * Whether a key may depend on this PCR: all but 16 and 23, which anybody can
 * reset (PC Client Platform TPM Profile, 4.6.2).
 */
bool pcr_is_usable(uint64_t pcr);

/*
 * Reads numbers with + or , between them, as systemd-cryptenroll(1) has it:
 * "7", "7+4", "7,4". 0; FAIL_ARGUMENT for anything else, a PCR that is named
 * twice, or one that is not usable.
 */
int pcr_parse(const char *list, uint32_t *ret) MUST_CHECK;

/* Appends "PCR 7" or "PCRs 4, 7 and 11". */
void pcr_add_numbers(struct text *t, uint32_t pcrs);

/*
 * The same, with what each usually stands for: "PCR 7 (Secure Boot: ...)".
 * Source: TCG PC Client Platform Firmware Profile, 3.3.4, and the registry of
 * the UAPI Group for those that the operating system uses.
 */
void pcr_add_words(struct text *t, uint32_t pcrs);

#endif
