/* SPDX-License-Identifier: ISC */
#include <ctype.h>

#include "base/error.h"
#include "tpm/pcr.h"

bool
pcr_is_usable(uint64_t pcr)
{
	return pcr < PCR_COUNT && pcr != 16 && pcr != 23;
}

/* --- reading a list ---------------------------------------------------- */

/* A decimal number of one or two digits, without a zero in front. */
static bool
take_number(const char **list, uint32_t *ret)
{
	const char *s = *list;

	if (!isdigit((unsigned char)s[0]) ||
	    (s[0] == '0' && isdigit((unsigned char)s[1])))
		return false;
	*ret = 0;
	for (int i = 0; i < 2 && isdigit((unsigned char)*s); i++)
		*ret = *ret * 10 + (uint32_t)(*s++ - '0');
	*list = s;
	return true;
}

int
pcr_parse(const char *list, uint32_t *ret)
{
	const char *s = list;
	uint32_t pcr, pcrs = 0;

	for (;;) {
		if (!take_number(&s, &pcr) ||
		    (*s != '\0' && *s != '+' && *s != ','))
			return fail(FAIL_ARGUMENT,
			    "\"%.100s\" is not a list of PCRs; write their "
			    "numbers, as in 7 or 7+4",
			    list);
		if (!pcr_is_usable(pcr))
			return fail(FAIL_ARGUMENT,
			    "a key cannot depend on PCR %u, but on 0 to 15 and "
			    "17 to 22; %s",
			    pcr,
			    pcr < PCR_COUNT ? "anybody can reset that one"
					    : "there are no others");
		if ((pcrs & 1u << pcr) != 0)
			return fail(FAIL_ARGUMENT,
			    "\"%.100s\" names PCR %u twice", list, pcr);
		pcrs |= 1u << pcr;
		if (*s == '\0')
			break;
		s++;
	}
	*ret = pcrs;
	return 0;
}

/* --- words ------------------------------------------------------------- */

static const char *const words[PCR_COUNT] = {
	[0] = "the firmware's code",
	[1] = "settings of the firmware, or hardware",
	[2] = "option ROMs of cards",
	[3] = "settings of option ROMs",
	[4] = "the boot loader, or a kernel that the firmware starts",
	[5] = "the partition table, or settings of the boot loader",
	[6] = "the manufacturer's own",
	[7] = "Secure Boot: whether it is on, its keys and databases",
	[8] = "commands of GRUB and of the kernel",
	[9] = "files that GRUB has read, or the initrd",
	[10] = "files that Linux has used (IMA)",
	[11] = "a unified kernel image, and how far the boot has got",
	[12] = "command line and credentials for a unified kernel image",
	[13] = "extensions for a unified kernel image",
	[14] = "certificates of shim (MOK)",
	[15] = "the machine's identity and its file systems",
};

/* Of 17 to 22, a late launch (Intel TXT, AMD SKINIT). */
#define LATE_LAUNCH "a measured launch after the boot"

static const char *
words_of(uint32_t pcr)
{
	return words[pcr] != NULL ? words[pcr] : LATE_LAUNCH;
}

enum detail {
	NUMBERS,
	NUMBERS_AND_WORDS,
};

static void
add(struct text *t, uint32_t pcrs, enum detail detail)
{
	int left = __builtin_popcount(pcrs);

	text_add(t, "PCR%s ", left == 1 ? "" : "s");
	for (uint32_t i = 0; i < PCR_COUNT; i++) {
		if ((pcrs & 1u << i) == 0)
			continue;
		text_add(t, "%u", i);
		if (detail == NUMBERS_AND_WORDS)
			text_add(t, " (%s)", words_of(i));
		left--;
		text_add(t, "%s", left > 1 ? ", " : left == 1 ? " and " : "");
	}
}

void
pcr_add_numbers(struct text *t, uint32_t pcrs)
{
	add(t, pcrs, NUMBERS);
}

void
pcr_add_words(struct text *t, uint32_t pcrs)
{
	add(t, pcrs, NUMBERS_AND_WORDS);
}
