/* SPDX-License-Identifier: ISC */
/* sk-tpm show */
#include "answer.h"
#include "base/error.h"
#include "base/log.h"
#include "command.h"
#include "keyref.h"

int
command_show(struct invocation *inv)
{
	struct json_object *o = answer_new();
	struct keyref ref = { 0 };
	struct bytes line = { 0 };
	int r, loads;

	if ((r = keyref_load(&inv->cfg, inv->argv[0], &ref, &loads)) != 0 ||
	    (r = answer_key(o, &ref)) != 0 ||
	    (r = keyfile_public_line(&ref.key, &line)) != 0)
		goto out;
	/* What loads was asked for its boot state as well. */
	if (ref.handle.pcrs != 0 && (loads == 0 || loads == FAIL_BOOT_STATE))
		answer_bool(o, "boot_state_holds", loads == 0);
	answer_bool(o, "works_here", loads == 0);
	if (loads != 0)
		answer_text(o, "why_not", log_cause());
	/* Without a comment it would end in a space. */
	if (ref.key.comment[0] == '\0')
		line.len--;
	answer_object(o, "public_key",
	    json_object_new_string_len((const char *)line.data, (int)line.len));
	answer_print(o, wanted_form(inv));
	o = NULL;
out:
	json_object_put(o);
	bytes_reset(&line);
	keyref_reset(&ref);
	return r;
}
