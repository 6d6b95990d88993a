/* SPDX-License-Identifier: ISC */
#include "base/duration.h"

/* Seconds of a unit, of either case; 0 for what is none. */
static uint32_t
unit_seconds(char unit)
{
	switch (unit) {
	case 's':
	case 'S':
		return 1;
	case 'm':
	case 'M':
		return 60;
	case 'h':
	case 'H':
		return 60 * 60;
	case 'd':
	case 'D':
		return 24 * 60 * 60;
	case 'w':
	case 'W':
		return 7 * 24 * 60 * 60;
	default:
		return 0;
	}
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
duration_parse(const char *text, uint32_t most, uint32_t *ret)
{
	uint64_t sum = 0;

	if (*text == '\0')
		return false;
	while (*text != '\0') {
		uint64_t n = 0;
		uint32_t unit = 1;

		if (!is_digit(*text))
			return false;
		for (; is_digit(*text); text++)
			if ((n = n * 10 + (uint64_t)(*text - '0')) > most)
				return false;
		if (*text != '\0' && (unit = unit_seconds(*text++)) == 0)
			return false;
		if ((sum += n * unit) > most)
			return false;
	}
	*ret = (uint32_t)sum;
	return true;
}

void
duration_add(struct text *t, uint32_t seconds)
{
	if (seconds >= 7200)
		text_add(t, "%u hours", seconds / 3600);
	else if (seconds >= 120)
		text_add(t, "%u minutes", seconds / 60);
	else
		text_add(t, "%u seconds", seconds);
}
