/* SPDX-License-Identifier: ISC */
/* In place of notify.c, by make FPRINTD=no. */
#include "base/log.h"
#include "user/notify.h"

void
notify_show(const char *title, const char *words)
{
	(void)title;
	(void)words;
	log_info("Notify is yes, and this sk-tpm was built without it (make "
		 "FPRINTD=no)");
}
