/* SPDX-License-Identifier: ISC */
#include "base/error.h"
#include "base/log.h"
#include "key/boot-state.h"
#include "tpm/pcr-read.h"

int
boot_state_check(struct tpm *tpm, const struct handle *h)
{
	uint8_t now[PCR_COUNT][PCR_LEN];
	struct text t = { 0 };
	uint32_t differing;
	int r;

	if ((r = pcr_read(tpm, h->pcrs, now)) != 0)
		return r;
	differing = pcr_differing(h->pcrs, now, h->pcr_values);
	if (differing == 0)
		return 0;
	pcr_add_words(&t, differing);
	text_add(&t, " %s when this key was made",
	    __builtin_popcount(differing) == 1 ? "is not as it was"
					       : "are not as they were");
	return fail(FAIL_BOOT_STATE, "%s", t.s);
}
