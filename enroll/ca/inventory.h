/* SPDX-License-Identifier: ISC */
/*
 * What the operator's own list of machines says of one that a maker certified:
 * InventoryCommand of sk-tpm-ca.conf, which libexec/inventory runs as another
 * account than the service's.
 */
#ifndef SKTPM_CA_INVENTORY_H
#define SKTPM_CA_INVENTORY_H

#include "ca/evidence.h"
#include "ca/settings.h"

struct inventory {
	bool known; /* false: it has no such machine, and the rest is empty */
	char name[STORE_NAME_MAX + 1];
	char profile[STORE_NAME_MAX + 1]; /* empty: "default" */
	struct texts principals[2];	  /* user's and host's */
	bool principals_set[2];		  /* false: the profile's */
};

/*
 * Asks by the socket of settings->inventory_socket. The caller ends *ret with
 * inventory_reset, on failure too. 0; FAIL_UNAVAILABLE where it cannot be
 * asked, fails, or says what is not understood; FAIL_MEMORY.
 */
int inventory_ask(const struct settings *settings, const char *id,
    const struct judged_request *request, struct inventory *ret) MUST_CHECK;

/*
 * What the command printed: lines "name NAME", "profile NAME", "user-principals
 * WORD..." and "host-principals WORD...", each once at most; nothing for a
 * machine that it does not have. Writes zeros into `text`, between words.
 */
int inventory_parse(char *text, struct inventory *ret) MUST_CHECK;

void inventory_reset(struct inventory *inventory);

#endif
