/* SPDX-License-Identifier: ISC */
/* A server that has joined a CA: what sshd reads of that, and its renewal. */
#include <sys/stat.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "doctor/check.h"
#include "join/join.h"
#include "join/programs.h"
#include "request/certificate-file.h"
#include "ssh/sshkey.h"

#define HOUR 3600
/* The timer comes each hour, and may be late by half of one. */
#define LIST_MAX_AGE (3 * HOUR)
#define REMEDY "see journalctl -u " JOIN_SERVICE

static void
check_certificate(int64_t now, struct report *r)
{
	struct bytes blob = { 0 };
	struct certificate c;
	int64_t left;

	if (!certificate_file_read(JOIN_HOST_CERT, &blob) ||
	    !certificate_parse_signed(bytes_slice(&blob), &c)) {
		report_add(r, "host certificate", FINDING_WARNING, REMEDY,
		    "none at " JOIN_HOST_CERT " so far");
		goto out;
	}
	left = c.valid_before < INT64_MAX ? (int64_t)c.valid_before - now
					  : INT64_MAX;
	if (left <= 0)
		report_add(r, "host certificate", FINDING_WRONG, REMEDY,
		    "it has ended");
	else if ((uint64_t)left < (c.valid_before - c.valid_after) / 4)
		report_add(r, "host certificate", FINDING_WARNING, REMEDY,
		    "it ends in %" PRId64 " hours, and was not renewed",
		    left / HOUR);
	else
		report_add(r, "host certificate", FINDING_OK, NULL,
		    "it ends in %" PRId64 " hours", left / HOUR);
out:
	bytes_reset(&blob);
}

/* Its file has the time at which the CA had no newer one. */
static void
check_list(int64_t now, struct report *r)
{
	struct stat st;

	if (stat(JOIN_TRUST "/" JOIN_KRL, &st) != 0)
		report_add(r, "revocation list", FINDING_WRONG,
		    "sk-tpm join again: sshd lets nobody in without it",
		    "there is no " JOIN_TRUST "/" JOIN_KRL);
	else if (now - st.st_mtime > LIST_MAX_AGE)
		report_add(r, "revocation list", FINDING_WARNING, REMEDY,
		    "it was fetched %" PRId64 " hours ago",
		    (now - st.st_mtime) / HOUR);
	else
		report_add(r, "revocation list", FINDING_OK, NULL,
		    "it was fetched %" PRId64 " minutes ago",
		    now > st.st_mtime ? (now - st.st_mtime) / 60 : 0);
}

static void
check_sshd(struct report *r)
{
	struct bytes snippet = { 0 };
	bool there = access(JOIN_SSHD_SNIPPET, R_OK) == 0 &&
	    join_read_file(JOIN_SSHD_SNIPPET, &snippet) == 0;

	if (!there)
		report_add(r, "sshd's settings", FINDING_WARNING,
		    "once the CA has approved this machine they come by "
		    "themselves",
		    "there is no " JOIN_SSHD_SNIPPET " so far");
	else if (memmem(snippet.data, snippet.len, JOIN_HOST_CERT,
		     strlen(JOIN_HOST_CERT)) == NULL)
		report_add(r, "sshd's settings", FINDING_WARNING, REMEDY,
		    "sshd does without the host key in the TPM, which is lost "
		    "or whose certificate has ended");
	else
		report_add(r, "sshd's settings", FINDING_OK, NULL,
		    JOIN_SSHD_SNIPPET " names key and certificate");
	bytes_reset(&snippet);
}

/* A word that systemctl show prints of a unit. */
static bool
shows(const char *unit, const char *property, char ret[64])
{
	const char *const argv[] = { "systemctl", "show", "-P", property, unit,
		NULL };
	struct bytes output = { 0 };
	int status;
	bool good;

	good = program_run(argv, RUN_AS_OURSELVES, &output, &status) == 0 &&
	    status == 0;
	snprintf(ret, 64, "%.*s", (int)(output.len < 63 ? output.len : 63),
	    output.len > 0 ? (const char *)output.data : "");
	ret[strcspn(ret, "\n")] = '\0';
	bytes_reset(&output);
	return good && ret[0] != '\0';
}

/* systemd tells root without a bus, and others not everywhere. */
static void
check_timer(struct report *r)
{
	char timer[64], result[64];

	if (geteuid() != 0 || access("/run/systemd/system", F_OK) != 0)
		return;
	if (!shows(JOIN_TIMER, "ActiveState", timer) ||
	    !shows(JOIN_SERVICE, "Result", result))
		report_add(r, "renewal", FINDING_WARNING, NULL,
		    "systemctl does not tell of " JOIN_TIMER);
	else if (strcmp(timer, "active") != 0)
		report_add(r, "renewal", FINDING_WRONG,
		    "systemctl enable --now " JOIN_TIMER, JOIN_TIMER " is %s",
		    timer);
	else if (strcmp(result, "success") != 0)
		report_add(r, "renewal", FINDING_WARNING, REMEDY,
		    "the last one failed (%s)", result);
	else
		report_add(r, "renewal", FINDING_OK, NULL,
		    JOIN_TIMER " is active, and the last one succeeded");
}

void
check_join(struct report *r)
{
	const int64_t now = time(NULL);
	struct join join = { 0 };
	int err = join_settings_read(&join);

	if (err == FAIL_NOT_FOUND)
		return;
	if (err != 0) {
		report_add(r, "CA", FINDING_WRONG, "sk-tpm join again", "%s",
		    log_cause());
	} else {
		report_add(r, "CA", FINDING_OK, NULL, "joined, at %s",
		    join.addresses[0]);
		check_sshd(r);
		check_certificate(now, r);
		check_list(now, r);
		check_timer(r);
	}
	join_reset(&join);
}
