/* SPDX-License-Identifier: ISC */
/* sk-tpm evict */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "command.h"
#include "evicting.h"
#include "keyref.h"
#include "tpm/persistent.h"

/* A handle of ours, as sk-tpm list prints it. */
static bool
parse_handle(const char *name, uint32_t *ret)
{
	unsigned long n;
	char *end;

	if (strncasecmp(name, "0x", 2) != 0)
		return false;
	n = strtoul(name, &end, 16);
	if (*end != '\0' || n < PERSISTENT_FIRST || n > PERSISTENT_LAST)
		return false;
	*ret = (uint32_t)n;
	return true;
}

/* Comes last: a file that names a copy that is gone signs all the same. */
static int
forget_copy(const char *file, struct keyref *ref)
{
	struct bytes key_handle = { 0 };
	int r;

	if (ref->handle.persistent == 0)
		return 0;
	ref->handle.persistent = 0;
	bytes_reset(&ref->handle.persistent_auth);
	if ((r = handle_encode(&ref->handle, &key_handle)) == 0)
		r = keyref_replace(file, ref, &key_handle);
	bytes_reset(&key_handle);
	return r;
}

static int
evict_of_file(const struct config *cfg, const char *file)
{
	struct keyref ref = { 0 };
	unsigned int copies = 0;
	int r;

	if ((r = keyref_by_name(file, &ref)) != 0 ||
	    (r = keyref_check_is_file(&ref)) != 0 ||
	    (r = evict_copies(cfg, &ref.handle, &copies)) != 0 ||
	    (r = forget_copy(file, &ref)) != 0)
		goto out;
	if (copies == 0)
		printf("The key has no persistent copy.\n");
	else
		printf("Evicted the key's persistent cop%s. Its file goes on "
		       "signing.\n",
		    copies == 1 ? "y" : "ies");
out:
	keyref_reset(&ref);
	return r;
}

int
command_evict(struct invocation *inv)
{
	uint32_t handle;
	int r;

	if (!parse_handle(inv->argv[0], &handle))
		return evict_of_file(&inv->cfg, inv->argv[0]);
	if ((r = evict_at(&inv->cfg, handle)) == 0)
		printf("Evicted the persistent key at 0x%08x.\n", handle);
	return r;
}
