/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "doctor/report.h"

/* By enum finding: its word, and its colour for a terminal. */
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
	if (finding > r->worst)
		r->worst = finding;
}

void
report_print(const struct report *r)
{
	const char *no_color = getenv("NO_COLOR");
	bool colour =
	    isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0');
	size_t n = json_object_array_length(r->list);

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(r->list, i);
		const char *status = answer_member(o, "status");
		size_t finding = 0;

		while (finding < FINDING_WRONG &&
		    strcmp(status, words[finding]) != 0)
			finding++;
		printf("%s%-8s%s%-18s%s\n", colour ? colours[finding] : "",
		    status, colour ? "\033[0m" : "", answer_member(o, "check"),
		    answer_member(o, "text"));
		if (answer_member(o, "remedy")[0] != '\0')
			printf("%26s-> %s\n", "", answer_member(o, "remedy"));
	}
}
