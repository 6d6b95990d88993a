/* SPDX-License-Identifier: ISC */
/* sk-tpm-ca audit: verifies the audit log, and prints it as JSON lines. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/log.h"
#include "ca/command.h"

/* A line of syslog. */
struct mirrored {
	long long number;
	char hash[2 * SHA256_LEN + 1];
};

struct reading {
	int64_t from; /* the first that is printed */
	int64_t number;
	uint8_t hash[SHA256_LEN];
	struct mirrored *mirror; /* by number, each once; or NULL */
	size_t n_mirrored, next;
};

static void
hex(const uint8_t *data, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++)
		snprintf(ret + 2 * i, 3, "%02x", data[i]);
}

static void
print_row(const struct store_audit *row)
{
	time_t t = (time_t)row->time;
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	/* The row is a JSON object: these two go in front of its members. */
	printf(
	    "{\"number\":%lld,\"time\":\"%s\",", (long long)row->number, when);
	/* One that was changed may have anything in it. */
	for (size_t i = 1; i < row->row.len; i++)
		putchar(row->row.data[i] >= ' ' && row->row.data[i] != 0x7f
			? row->row.data[i]
			: '?');
	putchar('\n');
}

static int
take_row(const struct store_audit *row, void *arg)
{
	char text[2 * SHA256_LEN + 1];
	struct reading *in = arg;
	uint8_t hash[SHA256_LEN];
	int r;

	if (row->number != in->number + 1)
		return fail(FAIL_STORE,
		    "the audit log lacks row %lld: rows were removed",
		    (long long)in->number + 1);
	if ((r = audit_hash(in->hash, row, hash)) != 0)
		return r;
	if (memcmp(hash, row->hash, sizeof(hash)) != 0 || row->row.len < 2)
		return fail(FAIL_STORE,
		    "row %lld of the audit log was changed, or one before it",
		    (long long)row->number);
	hex(hash, sizeof(hash), text);
	while (in->next < in->n_mirrored &&
	    in->mirror[in->next].number < row->number)
		in->next++;
	if (in->next < in->n_mirrored &&
	    in->mirror[in->next].number == row->number &&
	    strcmp(in->mirror[in->next].hash, text) != 0)
		return fail(FAIL_STORE,
		    "row %lld of the audit log is not what syslog has: the log "
		    "was written anew",
		    (long long)row->number);
	in->number = row->number;
	memcpy(in->hash, hash, sizeof(hash));
	if (row->number >= in->from)
		print_row(row);
	return 0;
}

/*
 * What follows our own tag, "sk-tpm-ca[PID]: ", or all of a line that has no
 * tag as from journalctl -o cat. Of another program's line, strangers may have
 * written a part. NULL for that.
 */
static const char *
our_message(const char *line)
{
	static const char name[] = "sk-tpm-ca";
	const char *colon = strstr(line, ": "), *tag;

	if (strncmp(line, "audit ", 6) == 0)
		return line;
	if (colon == NULL)
		return NULL;
	for (tag = colon; tag > line && tag[-1] != ' '; tag--)
		;
	if (strncmp(tag, name, strlen(name)) != 0)
		return NULL;
	tag += strlen(name);
	if (*tag == '[')
		tag += 1 + strspn(tag + 1, "0123456789");
	return tag + (*tag == ']') == colon ? colon + 2 : NULL;
}

static bool
read_line(const char *line, struct mirrored *ret)
{
	const char *message = our_message(line);
	int end = 0;

	return message != NULL &&
	    sscanf(message, "audit %lld %64[0-9a-f] {%n", &ret->number,
		ret->hash, &end) == 2 &&
	    end > 0 && strlen(ret->hash) == 2 * SHA256_LEN;
}

static int
by_number(const void *a, const void *b)
{
	const struct mirrored *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* A row that was mirrored twice, as two files may have it, counts once. */
static int
order(struct reading *in)
{
	size_t n = 0;

	qsort(in->mirror, in->n_mirrored, sizeof(in->mirror[0]), by_number);
	for (size_t i = 0; i < in->n_mirrored; i++) {
		const struct mirrored *last = n > 0 ? &in->mirror[n - 1] : NULL;

		if (last == NULL || last->number != in->mirror[i].number)
			in->mirror[n++] = in->mirror[i];
		else if (strcmp(last->hash, in->mirror[i].hash) != 0)
			return fail(FAIL_STORE,
			    "syslog has two different rows %lld: the store was "
			    "put back to what it was before, or its end was "
			    "cut off",
			    last->number);
	}
	in->n_mirrored = n;
	return 0;
}

/* All "audit NUMBER HASH" of a log. */
static int
read_syslog(const char *path, struct reading *in)
{
	struct mirrored *more;
	char *line = NULL;
	size_t size = 0;
	FILE *f = fopen(path, "re");
	int r = 0;

	if (f == NULL)
		return fail(FAIL_ARGUMENT, "cannot open %.200s: %s", path,
		    strerror(errno));
	while (r == 0 && getline(&line, &size, f) != -1) {
		more =
		    reallocarray(in->mirror, in->n_mirrored + 1, sizeof(*more));
		if (more == NULL) {
			r = fail(FAIL_MEMORY, "out of memory");
			break;
		}
		in->mirror = more;
		in->n_mirrored += read_line(line, &more[in->n_mirrored]);
	}
	free(line);
	fclose(f);
	if (r == 0 && in->n_mirrored == 0)
		return fail(FAIL_ARGUMENT,
		    "%.200s has no line \"audit NUMBER HASH\"", path);
	return r != 0 ? r : order(in);
}

static int
check_tail(const struct reading *in)
{
	long long last =
	    in->n_mirrored > 0 ? in->mirror[in->n_mirrored - 1].number : 0;

	return last <= in->number
	    ? 0
	    : fail(FAIL_STORE,
		  "the audit log ends at row %lld, and syslog has row %lld: "
		  "its end was cut off",
		  (long long)in->number, last);
}

int
ca_audit(struct ca_invocation *inv)
{
	struct reading in = { .from = 1 };
	char *end;
	int r;

	if (inv->options.from != NULL) {
		in.from = strtoll(inv->options.from, &end, 10);
		if (*end != '\0' || in.from < 1)
			return fail(FAIL_ARGUMENT,
			    "--from: \"%.100s\" is not the number of a row",
			    inv->options.from);
	}
	r = inv->options.syslog != NULL ? read_syslog(inv->options.syslog, &in)
					: 0;
	if (r == 0)
		r = store_audit_each(inv->store, 1, take_row, &in);
	if (r == 0)
		r = check_tail(&in);
	free(in.mirror);
	return r;
}
