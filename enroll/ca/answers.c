/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "ca/command.h"

#define COLUMNS_MAX 12

/* --- building ---------------------------------------------------------- */

static struct json_object *
check(struct json_object *o)
{
	if (o == NULL) {
		fprintf(stderr, "sk-tpm-ca: out of memory\n");
		exit(CA_STATUS_FAILED);
	}
	return o;
}

struct json_object *
json_new(void)
{
	return check(json_object_new_object());
}

struct json_object *
json_new_list(void)
{
	return check(json_object_new_array());
}

void
json_add_text(struct json_object *o, const char *name, const char *value)
{
	struct text escaped = { 0 };

	if (value == NULL || value[0] == '\0')
		return;
	text_add_escaped(&escaped, slice_of_text(value), 1000);
	json_object_object_add(
	    o, name, check(json_object_new_string(escaped.s)));
}

void
json_add_bytes(
    struct json_object *o, const char *name, const struct bytes *value)
{
	struct text escaped = { 0 };
	struct slice text = bytes_slice(value);
	bool plain = true;

	if (text.len == 0)
		return;
	for (size_t i = 0; i < text.len; i++)
		plain = plain && text.data[i] >= ' ' && text.data[i] <= '~';
	/* What was escaped before it was stored is not, a second time. */
	if (!plain)
		text_add_escaped(&escaped, text, 1000);
	json_object_object_add(o, name,
	    check(plain ? json_object_new_string_len(
			      (const char *)text.data, (int)text.len)
			: json_object_new_string(escaped.s)));
}

void
json_add_time(struct json_object *o, const char *name, int64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[32];
	struct tm tm;

	if (seconds != 0 && gmtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		json_add_text(o, name, text);
}

void
json_add_number(struct json_object *o, const char *name, int64_t value)
{
	json_object_object_add(o, name, check(json_object_new_int64(value)));
}

/* --- printing ---------------------------------------------------------- */

static const char *
words_of(struct json_object *value)
{
	if (value == NULL)
		return "-";
	if (json_object_is_type(value, json_type_boolean))
		return json_object_get_boolean(value) ? "yes" : "no";
	return json_object_get_string(value);
}

static void
print_member(const char *name, struct json_object *value, int width)
{
	size_t n = json_object_is_type(value, json_type_array)
	    ? json_object_array_length(value)
	    : 0;

	if (n == 0 && json_object_is_type(value, json_type_array))
		return;
	printf("%s:%*s", name, width - (int)strlen(name) + 1, "");
	if (n == 0) {
		puts(words_of(value));
		return;
	}
	/* Each in a line, its members behind one another. */
	for (size_t i = 0; i < n; i++) {
		struct json_object *each = json_object_array_get_idx(value, i);

		printf("%*s", i == 0 ? 0 : width + 2, "");
		if (!json_object_is_type(each, json_type_object)) {
			puts(words_of(each));
			continue;
		}
		json_object_object_foreach(each, key, member)
		{
			printf("%s %s  ", key, words_of(member));
		}
		putchar('\n');
	}
}

static void
print_lines(struct json_object *o)
{
	int width = 0;

	json_object_object_foreach(o, each, unused)
	{
		(void)unused;
		if ((int)strlen(each) > width)
			width = (int)strlen(each);
	}
	json_object_object_foreach(o, name, value)
	{
		print_member(name, value, width);
	}
}

struct column {
	const char *name;
	int width;
};

/* The columns are the members of all rows, in the order of their coming. */
static size_t
find_columns(struct json_object *list, struct column *columns)
{
	size_t n = 0, rows = json_object_array_length(list);

	for (size_t i = 0; i < rows; i++) {
		json_object_object_foreach(
		    json_object_array_get_idx(list, i), name, value)
		{
			size_t c = 0;
			int width = (int)strlen(words_of(value));

			while (c < n && strcmp(columns[c].name, name) != 0)
				c++;
			if (c == n && n < COLUMNS_MAX)
				columns[n++] =
				    (struct column){ name, (int)strlen(name) };
			if (c < n && width > columns[c].width)
				columns[c].width = width;
		}
	}
	return n;
}

static void
print_table(struct json_object *list)
{
	struct column columns[COLUMNS_MAX];
	size_t n = find_columns(list, columns);

	for (size_t c = 0; c < n; c++)
		printf("%-*s%s", c + 1 < n ? columns[c].width : 0,
		    columns[c].name, c + 1 < n ? "  " : "\n");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *row = json_object_array_get_idx(list, i);

		for (size_t c = 0; c < n; c++) {
			struct json_object *value = NULL;

			json_object_object_get_ex(row, columns[c].name, &value);
			printf("%-*s%s", c + 1 < n ? columns[c].width : 0,
			    words_of(value), c + 1 < n ? "  " : "\n");
		}
	}
}

void
json_print(struct json_object *o, bool as_json)
{
	if (as_json)
		puts(json_object_to_json_string_ext(o,
		    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	else if (json_object_is_type(o, json_type_array))
		print_table(o);
	else
		print_lines(o);
	json_object_put(o);
}
