/* SPDX-License-Identifier: ISC */
/* What an InventoryCommand prints. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ca/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of a machine that is not known nothing is taken. */
static void
check(const struct inventory *i)
{
	if (strlen(i->name) > STORE_NAME_MAX ||
	    strlen(i->profile) > STORE_NAME_MAX ||
	    (!i->known && i->name[0] != '\0'))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inventory inventory = { 0 };
	char *text = malloc(size + 1);

	log_begin_secret();
	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (inventory_parse(text, &inventory) == 0)
		check(&inventory);
	inventory_reset(&inventory);
	free(text);
	return 0;
}
