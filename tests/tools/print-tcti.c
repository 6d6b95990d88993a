/* SPDX-License-Identifier: ISC */
/* Prints the TCTI that the settings give: what a setuid program would use. */
#include <stdio.h>

#include "config.h"

int
main(void)
{
	struct config cfg;

	if (config_load(&cfg) != 0)
		return 1;
	puts(cfg.tcti);
	config_reset(&cfg);
	return 0;
}
