/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "doctor/weakness.h"

/*
 * TPM-FAIL: ECDSA keys can be computed from signing times. Of ST's firmware,
 * only these versions have the flaw. Source: ST's notice on CVE-2019-16863.
 */
static const struct {
	unsigned int major, minor;
} st_firmware[] = {
	{ 71, 0 },
	{ 71, 4 },
	{ 71, 12 },
	{ 73, 0 },
	{ 73, 4 },
	{ 73, 5 },
	{ 73, 8 },
	{ 73, 9 },
	{ 74, 0 },
	{ 74, 4 },
	{ 74, 5 },
	{ 74, 8 },
	{ 74, 9 },
	{ 74, 16 },
};

static bool
is_weak_st(unsigned int major, unsigned int minor)
{
	for (size_t i = 0; i < sizeof(st_firmware) / sizeof(st_firmware[0]);
	     i++)
		if (st_firmware[i].major == major &&
		    st_firmware[i].minor == minor)
			return true;
	return false;
}

enum finding
weakness_find(const char *vendor, unsigned int major, unsigned int minor,
    const char **ret_text, const char **ret_remedy)
{
	*ret_remedy = NULL;
	*ret_text = "none known";
	if (strcmp(vendor, "STM") == 0 && is_weak_st(major, minor)) {
		*ret_text = "TPM-FAIL (CVE-2019-16863): this firmware leaks "
			    "ECDSA keys";
		*ret_remedy = "update the TPM's firmware (the machine's maker "
			      "has it), and make new keys";
		return FINDING_WRONG;
	}
	/*
	 * Intel's CSME 11 to 14 had the same flaw until the end of 2019. Which
	 * build fixes it depends on the platform (INTEL-SA-00241). The TPM's
	 * version number does not tell for sure.
	 */
	if (strcmp(vendor, "INTC") == 0 && major >= 11 && major <= 14) {
		*ret_text = "TPM-FAIL (CVE-2019-11090) if this firmware is "
			    "older than November 2019";
		*ret_remedy = "see INTEL-SA-00241; a BIOS of 2020 or later has "
			      "the fixed firmware";
		return FINDING_WARNING;
	}
	return FINDING_OK;
}
