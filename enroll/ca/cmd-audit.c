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

struct reading {
	int64_t from; /* the first that is printed */
	int64_t number;
	uint8_t hash[SHA256_LEN];
	int64_t mirrored; /* the last that syslog has; 0: not known */
	char mirrored_hash[2 * SHA256_LEN + 1];
	bool met; /* that row, with that hash */
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
	printf("{\"number\":%lld,\"time\":\"%s\",%.*s\n",
	    (long long)row->number, when, (int)row->row.len - 1,
	    (const char *)row->row.data + 1);
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
	if (row->number == in->mirrored)
		in->met = strcmp(text, in->mirrored_hash) == 0;
	in->number = row->number;
	memcpy(in->hash, hash, sizeof(hash));
	if (row->number >= in->from)
		print_row(row);
	return 0;
}

/* The last "audit NUMBER HASH" of a log. */
static int
read_syslog(const char *path, struct reading *in)
{
	char line[4096], hash[2 * SHA256_LEN + 1];
	long long number;
	const char *at;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return fail(FAIL_ARGUMENT, "cannot open %.200s: %s", path,
		    strerror(errno));
	while (fgets(line, sizeof(line), f) != NULL)
		if ((at = strstr(line, "audit ")) != NULL &&
		    sscanf(at, "audit %lld %64[0-9a-f]", &number, hash) == 2 &&
		    strlen(hash) == 2 * SHA256_LEN && number > in->mirrored) {
			in->mirrored = number;
			memcpy(in->mirrored_hash, hash, sizeof(hash));
		}
	fclose(f);
	if (in->mirrored == 0)
		return fail(FAIL_ARGUMENT,
		    "%.200s has no line \"audit NUMBER HASH\"", path);
	return 0;
}

static int
check_tail(const struct reading *in)
{
	if (in->mirrored == 0 || in->met)
		return 0;
	if (in->mirrored > in->number)
		return fail(FAIL_STORE,
		    "the audit log ends at row %lld, and syslog has row %lld: "
		    "its end was cut off",
		    (long long)in->number, (long long)in->mirrored);
	return fail(FAIL_STORE,
	    "row %lld of the audit log is not what syslog has: the log was "
	    "written anew",
	    (long long)in->mirrored);
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
	if (inv->options.syslog != NULL &&
	    (r = read_syslog(inv->options.syslog, &in)) != 0)
		return r;
	if ((r = store_audit_each(inv->store, 1, take_row, &in)) != 0)
		return r;
	return check_tail(&in);
}
