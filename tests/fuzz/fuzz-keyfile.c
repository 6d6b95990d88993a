/* SPDX-License-Identifier: ISC */
/* Any OpenSSH key file: once as text, once as what its base64 would hold. */
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
parse(struct slice text)
{
	struct keyfile key;
	struct bytes line = { 0 };

	if (keyfile_parse(text, &key) != 0)
		return;
	if (keyfile_public_line(&key, &line) != 0)
		abort();
	bytes_reset(&line);
	keyfile_reset(&key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = { 0 };

	log_begin_secret();
	parse((struct slice){ data, size });
	if (keyfile_armour((struct slice){ data, size }, &text) == 0)
		parse(bytes_slice(&text));
	bytes_reset(&text);
	return 0;
}
