/* SPDX-License-Identifier: ISC */
/* sk-tpm doctor */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "command.h"
#include "doctor/doctor.h"
#include "base/text.h"

static const char *const words[] = { "ok", "warning", "wrong" };
static const char *const colours[] = { "\033[32m", "\033[33m", "\033[31m" };

void
report_add(struct report *r, const char *check, enum finding finding,
    const char *remedy, const char *fmt, ...)
{
	struct json_object *o = answer_new();
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	answer_text(o, "check", check);
	answer_text(o, "status", words[finding]);
	answer_path(o, "text", text);
	if (remedy != NULL && finding != FINDING_OK)
		answer_path(o, "remedy", remedy);
	json_object_array_add(r->list, o);
	if ((int)finding > r->worst)
		r->worst = (int)finding;
}

static size_t
index_of(const char *word)
{
	for (size_t i = 0; i < 2; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	return 2;
}

static void
print_for_a_person(const struct report *r)
{
	const char *no_color = getenv("NO_COLOR");
	bool colour =
	    isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0');
	size_t n = json_object_array_length(r->list);

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(r->list, i);
		const char *status = answer_member(o, "status");

		printf("%s%-8s%s%-18s%s\n",
		    colour ? colours[index_of(status)] : "", status,
		    colour ? "\033[0m" : "", answer_member(o, "check"),
		    answer_member(o, "text"));
		if (answer_member(o, "remedy")[0] != '\0')
			printf("%26s-> %s\n", "", answer_member(o, "remedy"));
	}
}

int
command_doctor(struct invocation *inv)
{
	struct report r = { .list = answer_new_list() };
	struct json_object *o = answer_new();

	doctor_tpm(&inv->cfg, &r);
	doctor_ssh(&inv->cfg, &r);
	if (inv->argc > 0)
		doctor_key(&inv->cfg, inv->argv[0], &r);
	answer_object(o, "checks", r.list);
	if (wants_json(inv)) {
		answer_print(o, true);
	} else {
		print_for_a_person(&r);
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
