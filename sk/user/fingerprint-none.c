/* SPDX-License-Identifier: ISC */
/* In place of fingerprint.c, by make FPRINTD=no. */
#include "base/error.h"
#include "base/log.h"
#include "user/fingerprint.h"

int
fingerprint_verify(const char *question, unsigned int seconds)
{
	(void)question;
	(void)seconds;
	return fail(FAIL_PRESENCE,
	    "UserPresence is fprintd, and this sk-tpm was built without it "
	    "(make FPRINTD=no)");
}
