/* SPDX-License-Identifier: ISC */
/* sk-tpm doctor */
#include "answer.h"
#include "command.h"
#include "doctor/check.h"

int
command_doctor(struct invocation *inv)
{
	struct report r = { .list = answer_new_list() };
	struct json_object *o = answer_new();

	check_tpm(&inv->cfg, &r);
	check_ssh(&inv->cfg, &r);
	check_join(&r);
	if (inv->argc > 0)
		check_key(&inv->cfg, inv->argv[0], &r);
	answer_object(o, "checks", r.list);
	if (wanted_form(inv) == ANSWER_JSON) {
		answer_print(o, ANSWER_JSON);
	} else {
		report_print(&r);
		json_object_put(o);
	}
	switch (r.worst) {
	case FINDING_OK:
		return 0;
	case FINDING_WARNING:
		return COMMAND_FOUND_WARNING;
	default:
		return COMMAND_FOUND_WRONG;
	}
}
