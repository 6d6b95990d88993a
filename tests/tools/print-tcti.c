/* SPDX-License-Identifier: ISC */
/*
 * Prints the TCTI that the settings give, and where tpm2-tss is left to log to:
 * what a setuid program would use.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "config.h"

int
main(void)
{
	struct config cfg;

	if (config_load(&cfg) != 0)
		return 1;
	log_begin();
	printf("%s %s %s\n", cfg.tcti, getenv("TSS2_LOG"),
	    getenv("TSS2_LOGFILE") != NULL ? getenv("TSS2_LOGFILE") : "stderr");
	config_reset(&cfg);
	return 0;
}
