/* SPDX-License-Identifier: ISC */
/* sk-tpm-ca status and metrics: what an operator looks at. */
#include <sys/stat.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "ca/command.h"
#include "ca/figures.h"
#include "ca/workdir.h"

static const char *const types[] = { "user", "host" };

/* --- status ------------------------------------------------------------ */

static struct json_object *
describe_type(const struct figures_of_type *type)
{
	struct json_object *o = json_new();

	json_add_number(o, "valid", (int64_t)type->valid);
	json_add_number(o, "issued", (int64_t)type->issued);
	json_add_time(o, "next_expiry", type->next_expiry);
	return o;
}

static void
print_json(const struct figures *f)
{
	struct json_object *o = json_new(), *refused = json_new();
	struct json_object *of_type = json_new();

	json_add_text(o, "version", SK_TPM_VERSION);
	json_add_number(o, "machines", (int64_t)f->machines_enabled);
	json_add_number(o, "disabled", (int64_t)f->machines_disabled);
	json_add_number(o, "waiting", (int64_t)f->machines_waiting);
	json_add_number(o, "refused", (int64_t)f->machines_refused);
	json_add_number(o, "keys_pending", (int64_t)f->keys_pending);
	for (int i = 0; i < 2; i++)
		json_object_object_add(
		    of_type, types[i], describe_type(&f->types[i]));
	json_object_object_add(o, "certificates", of_type);
	json_add_number(o, "revoked", (int64_t)f->revoked);
	json_add_time(o, "last_issued", f->last_issued);
	json_add_number(o, "krl_version", (int64_t)f->krl_version);
	json_add_number(o, "audit_rows", f->audit_rows);
	for (size_t i = 0; i < f->n_codes; i++)
		if (f->refused[i].of_day > 0)
			json_add_number(refused, f->refused[i].code,
			    (int64_t)f->refused[i].of_day);
	json_object_object_add(o, "denied_last_day", refused);
	json_print(o, true);
}

static void
print_time(const char *name, int64_t at)
{
	time_t t = (time_t)at;
	char text[32] = "none";
	struct tm tm;

	if (at != 0 && gmtime_r(&t, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("%-18s %s\n", name, text);
}

static void
print_lines(const struct figures *f)
{
	unsigned int denied = 0;

	printf("%-18s %" PRIu64 " known, %" PRIu64 " disabled, %" PRIu64
	       " waiting, %" PRIu64 " refused\n",
	    "machines:", f->machines_enabled, f->machines_disabled,
	    f->machines_waiting, f->machines_refused);
	printf("%-18s %" PRIu64 " waiting\n", "keys:", f->keys_pending);
	printf("%-18s %" PRIu64 " of users, %" PRIu64 " of hosts, %" PRIu64
	       " revoked\n",
	    "certificates:", f->types[0].valid, f->types[1].valid, f->revoked);
	print_time("last issued:", f->last_issued);
	print_time("next user's ends:", f->types[0].next_expiry);
	print_time("next host's ends:", f->types[1].next_expiry);
	printf("%-18s version %" PRIu64 "%s\n",
	    "revocation list:", f->krl_version,
	    f->krl_stale ? ", to be made anew" : "");
	printf("%-18s", "denied, last day:");
	for (size_t i = 0; i < f->n_codes; i++)
		if (f->refused[i].of_day > 0)
			printf("%s %" PRIu64 " %s", denied++ > 0 ? "," : "",
			    f->refused[i].of_day, f->refused[i].code);
	printf("%s\n", denied == 0 ? " none" : "");
	printf("%-18s %" PRId64 "\n", "audit rows:", f->audit_rows);
	printf("%-18s %s\n", "sk-tpm-ca:", SK_TPM_VERSION);
}

int
ca_status(struct ca_invocation *inv)
{
	struct figures f = { 0 };
	int r = figures_count(inv->store, time(NULL), &f);

	if (r == 0 && inv->options.json)
		print_json(&f);
	else if (r == 0)
		print_lines(&f);
	return r;
}

/* --- metrics ----------------------------------------------------------- */

/* A family of OpenMetrics, with its lines behind it. */
static void
family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
put_machines(FILE *out, const struct figures *f)
{
	family(out, "sk_tpm_ca_machines", "gauge", "Machines by state.");
	fprintf(out,
	    "sk_tpm_ca_machines{state=\"enabled\"} %" PRIu64 "\n"
	    "sk_tpm_ca_machines{state=\"disabled\"} %" PRIu64 "\n"
	    "sk_tpm_ca_machines{state=\"waiting\"} %" PRIu64 "\n"
	    "sk_tpm_ca_machines{state=\"refused\"} %" PRIu64 "\n",
	    f->machines_enabled, f->machines_disabled, f->machines_waiting,
	    f->machines_refused);
	family(out, "sk_tpm_ca_keys_pending", "gauge",
	    "Keys of known machines that wait for approval.");
	fprintf(out, "sk_tpm_ca_keys_pending %" PRIu64 "\n", f->keys_pending);
}

static void
put_certificates(FILE *out, const struct figures *f)
{
	family(out, "sk_tpm_ca_certificates", "gauge",
	    "Certificates that are valid and not revoked.");
	for (int i = 0; i < 2; i++)
		fprintf(out,
		    "sk_tpm_ca_certificates{type=\"%s\"} %" PRIu64 "\n",
		    types[i], f->types[i].valid);
	family(out, "sk_tpm_ca_certificates_revoked", "gauge",
	    "Certificates that would be valid, and are revoked.");
	fprintf(
	    out, "sk_tpm_ca_certificates_revoked %" PRIu64 "\n", f->revoked);
	family(out, "sk_tpm_ca_certificates_issued_total", "counter",
	    "Certificates that were issued.");
	for (int i = 0; i < 2; i++)
		fprintf(out,
		    "sk_tpm_ca_certificates_issued_total{type=\"%s\"} %" PRIu64
		    "\n",
		    types[i], f->types[i].issued);
	family(out, "sk_tpm_ca_next_expiry_timestamp_seconds", "gauge",
	    "When the next valid certificate ends.");
	for (int i = 0; i < 2; i++)
		if (f->types[i].next_expiry != 0)
			fprintf(out,
			    "sk_tpm_ca_next_expiry_timestamp_seconds"
			    "{type=\"%s\"} %" PRId64 "\n",
			    types[i], f->types[i].next_expiry);
	family(out, "sk_tpm_ca_last_issued_timestamp_seconds", "gauge",
	    "When the last certificate was issued.");
	if (f->last_issued != 0)
		fprintf(out,
		    "sk_tpm_ca_last_issued_timestamp_seconds %" PRId64 "\n",
		    f->last_issued);
}

static void
put_rest(FILE *out, const struct figures *f)
{
	family(out, "sk_tpm_ca_refused_total", "counter",
	    "Requests that were refused, by the code that the machine got.");
	for (size_t i = 0; i < f->n_codes; i++)
		fprintf(out,
		    "sk_tpm_ca_refused_total{code=\"%s\"} %" PRIu64 "\n",
		    f->refused[i].code, f->refused[i].ever);
	family(out, "sk_tpm_ca_krl_version", "gauge",
	    "Version of the key revocation list.");
	fprintf(out, "sk_tpm_ca_krl_version %" PRIu64 "\n", f->krl_version);
	family(out, "sk_tpm_ca_audit_rows_total", "counter",
	    "Rows of the audit log.");
	fprintf(out, "sk_tpm_ca_audit_rows_total %" PRId64 "\n", f->audit_rows);
	family(out, "sk_tpm_ca_build_info", "gauge", "Of sk-tpm-ca.");
	fprintf(
	    out, "sk_tpm_ca_build_info{version=\"%s\"} 1\n", SK_TPM_VERSION);
}

/* node_exporter reads whole files alone: it is put in place by its name. */
static int
put_file(const char *path, const char *text, size_t len)
{
	char *new = NULL;
	int r;

	if (asprintf(&new, "%s.%ld", path, (long)getpid()) == -1)
		return fail(FAIL_MEMORY, "out of memory");
	if ((r = file_write_new(
		 new, (struct slice){ (const uint8_t *)text, len })) == 0 &&
	    (chmod(new, 0644) != 0 || rename(new, path) != 0)) {
		r = fail(FAIL_UNAVAILABLE, "cannot write %.200s", path);
		unlink(new);
	}
	free(new);
	return r;
}

int
ca_metrics(struct ca_invocation *inv)
{
	struct figures f = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int r;

	if ((r = figures_count(inv->store, time(NULL), &f)) != 0)
		return r;
	if ((out = open_memstream(&text, &len)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	put_machines(out, &f);
	put_certificates(out, &f);
	put_rest(out, &f);
	fputs("# EOF\n", out);
	if (fclose(out) != 0)
		r = fail(FAIL_MEMORY, "out of memory");
	else if (inv->argc == 1)
		r = put_file(inv->argv[0], text, len);
	else
		fwrite(text, 1, len, stdout);
	free(text);
	return r;
}
