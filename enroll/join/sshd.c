/* SPDX-License-Identifier: ISC */
/*
 * sshd's part: a snippet of our own, which is tried by sshd -t before it is put
 * in place, and again behind that. sshd goes on with what it has in any case.
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "join/join.h"
#include "join/programs.h"
#include "new-file.h"
#include "openssh.h"

#define SSHD "/usr/sbin/sshd"
#define SSHD_CONFIG "/etc/ssh/sshd_config"
#define CANDIDATE JOIN_TRUST "/sshd_config.new"
#define TRIAL JOIN_TRUST "/sshd_config.trial"

/* --- what sshd has ----------------------------------------------------- */

/* `sshd -T`, lines "keyword value"; of an unused sshd of this host. */
static int
ask_sshd(struct bytes *ret)
{
	static const char *const argv[] = { SSHD, "-T", NULL };
	int status, r;

	if ((r = program_run(argv, RUN_AS_OURSELVES, ret, &status)) != 0)
		return r;
	if (status != 0)
		return fail(FAIL_UNAVAILABLE,
		    "sshd does not take the settings that it has: see sshd -t");
	return bytes_append(ret, "", 1);
}

/* Calls `each` with each value of a keyword of sshd -T. */
static int
each_value(const struct bytes *settings, const char *keyword,
    int (*each)(const char *value, void *arg), void *arg)
{
	char *text = strdup((const char *)settings->data), *rest = text, *line;
	size_t n = strlen(keyword);
	int r = 0;

	if (text == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	while (r == 0 && (line = strsep(&rest, "\n")) != NULL)
		if (strncasecmp(line, keyword, n) == 0 && line[n] == ' ')
			r = each(line + n + 1, arg);
	free(text);
	return r;
}

struct expected {
	const char *keyword, *value;
};

static int
check_value(const char *value, void *arg)
{
	const struct expected *e = arg;

	if (strcmp(value, "none") == 0 || strcmp(value, e->value) == 0)
		return 0;
	return fail(FAIL_ARGUMENT,
	    "sshd has %s %s already, which this would take the place of: put "
	    "both into one file, or leave it out, and come again",
	    e->keyword, value);
}

/* "internal" is what stands for none there. */
static int
check_provider(const char *value, void *arg)
{
	(void)arg;
	if (strcmp(value, "internal") == 0 || openssh_is_ours(value))
		return 0;
	return fail(FAIL_ARGUMENT,
	    "sshd has SecurityKeyProvider %s already: its host keys could "
	    "not be used any more",
	    value);
}

int
join_check_sshd(void)
{
	struct expected keys = { "TrustedUserCAKeys",
		JOIN_TRUST "/" JOIN_USER_CA_KEYS };
	struct expected krl = { "RevokedKeys", JOIN_TRUST "/" JOIN_KRL };
	struct bytes settings = { 0 };
	int r;

	if ((r = ask_sshd(&settings)) == 0 &&
	    (r = each_value(&settings, keys.keyword, check_value, &keys)) ==
		0 &&
	    (r = each_value(&settings, krl.keyword, check_value, &krl)) == 0)
		r = each_value(
		    &settings, "SecurityKeyProvider", check_provider, NULL);
	bytes_reset(&settings);
	return r;
}

/* Whether sshd reads snippets: Debian's, Fedora's and others' do. */
static bool
includes_snippets(void)
{
	FILE *f = fopen(SSHD_CONFIG, "re");
	bool open_end, includes = false;
	char *line;

	if (f == NULL)
		return false;
	line = openssh_find_line(f, "include", &open_end);
	includes = line != NULL && strstr(line, "/sshd_config.d/") != NULL;
	free(line);
	fclose(f);
	return includes;
}

int
join_check_host(void)
{
	if (geteuid() != 0)
		return fail(FAIL_ARGUMENT,
		    "root's files are to be written: run it with sudo");
	if (access(SSHD, X_OK) != 0)
		return fail(FAIL_ARGUMENT,
		    "there is no " SSHD " here: install an OpenSSH server");
	if (!includes_snippets())
		return fail(FAIL_ARGUMENT,
		    SSHD_CONFIG " does not read snippets: put a line Include "
				"/etc/ssh/sshd_config.d/*.conf at its top");
	return 0;
}

/* --- the snippet ------------------------------------------------------- */

/* Those that sshd has by now: with one HostKey named, it uses no others. */
static int
add_host_key(const char *value, void *arg)
{
	FILE *out = arg;

	if (strcmp(value, JOIN_HOST_KEY) != 0 && access(value, F_OK) == 0)
		fprintf(out, "HostKey %s\n", value);
	return 0;
}

static int
write_snippet(bool with_host_key, struct bytes *ret)
{
	struct bytes settings = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (out == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	fputs("# Written by sk-tpm join; sk-tpm leave removes it.\n", out);
	fprintf(out, "SecurityKeyProvider %s\n", openssh_library());
	if ((r = ask_sshd(&settings)) == 0)
		r = each_value(&settings, "HostKey", add_host_key, out);
	if (with_host_key)
		fputs("HostKey " JOIN_HOST_KEY "\n"
		      "HostCertificate " JOIN_HOST_CERT "\n",
		    out);
	fputs("TrustedUserCAKeys " JOIN_TRUST "/" JOIN_USER_CA_KEYS "\n"
	      "RevokedKeys " JOIN_TRUST "/" JOIN_KRL "\n",
	    out);
	if (fclose(out) != 0)
		r = fail(FAIL_MEMORY, "out of memory");
	if (r == 0)
		r = bytes_set(ret, text, len);
	free(text);
	bytes_reset(&settings);
	return r;
}

/* sshd -t of the candidate, in front of all the rest. */
static int
try_candidate(const struct bytes *snippet)
{
	static const char *const argv[] = { SSHD, "-t", "-f", TRIAL, NULL };
	static const char trial[] =
	    "Include " CANDIDATE "\nInclude " SSHD_CONFIG "\n";
	struct bytes lines = { 0 };
	int r;

	if ((r = new_file_write(CANDIDATE, snippet, 0644, REPLACE_EXISTING)) ==
		0 &&
	    (r = bytes_set(&lines, trial, sizeof(trial) - 1)) == 0 &&
	    (r = new_file_write(TRIAL, &lines, 0644, REPLACE_EXISTING)) == 0 &&
	    program_must(argv, RUN_AS_OURSELVES) != 0)
		r = fail(FAIL_UNAVAILABLE,
		    "sshd would not take " JOIN_SSHD_SNIPPET
		    ", which is not written");
	unlink(TRIAL);
	bytes_reset(&lines);
	return r;
}

static int
check_whole(void)
{
	static const char *const argv[] = { SSHD, "-t", NULL };

	return program_must(argv, RUN_AS_OURSELVES);
}

static void
put_back(const struct bytes *before)
{
	if (before->len == 0)
		unlink(JOIN_SSHD_SNIPPET);
	else if (new_file_write(
		     JOIN_SSHD_SNIPPET, before, 0644, REPLACE_EXISTING) != 0)
		log_info("%s", log_cause());
}

int
join_put_snippet(struct join *join, bool with_host_key, bool *ret_new)
{
	struct bytes snippet = { 0 }, before = { 0 };
	int r;

	*ret_new = false;
	if ((r = write_snippet(with_host_key, &snippet)) != 0 ||
	    join_file_is(JOIN_SSHD_SNIPPET, &snippet) ||
	    !join_step(join, "Writing", JOIN_SSHD_SNIPPET))
		goto out;
	if ((r = try_candidate(&snippet)) != 0 ||
	    (access(JOIN_SSHD_SNIPPET, F_OK) == 0 &&
		(r = join_read_file(JOIN_SSHD_SNIPPET, &before)) != 0))
		goto out;
	if (rename(CANDIDATE, JOIN_SSHD_SNIPPET) != 0) {
		r = file_fail("write", JOIN_SSHD_SNIPPET);
		goto out;
	}
	if ((r = check_whole()) == 0) {
		*ret_new = true;
		goto out;
	}
	put_back(&before);
	r = fail(FAIL_UNAVAILABLE,
	    "sshd does not take " JOIN_SSHD_SNIPPET
	    ", which is as it was; see sshd -t");
out:
	unlink(CANDIDATE);
	bytes_reset(&snippet);
	bytes_reset(&before);
	return r;
}

int
join_remove_snippet(struct join *join)
{
	if (access(JOIN_SSHD_SNIPPET, F_OK) != 0 ||
	    !join_step(join, "Removing", JOIN_SSHD_SNIPPET))
		return 0;
	if (unlink(JOIN_SSHD_SNIPPET) != 0)
		return file_fail("remove", JOIN_SSHD_SNIPPET);
	return join_reload_sshd(join);
}

/* --- having it read ---------------------------------------------------- */

/* One of the two names is this distribution's. */
int
join_reload_sshd(struct join *join)
{
	static const char *const names[] = { "ssh.service", "sshd.service" };
	int r;

	if ((r = check_whole()) != 0)
		return r;
	if (access("/run/systemd/system", F_OK) != 0) {
		join_step(join, "No systemd here: reload", "sshd");
		return 0;
	}
	if (!join_step(join, "Reloading", "sshd"))
		return 0;
	for (size_t i = 0; i < 2; i++) {
		const char *const argv[] = { "systemctl",
			"try-reload-or-restart", names[i], NULL };
		int status;
		struct bytes output = { 0 };

		r = program_run(argv, RUN_AS_OURSELVES, &output, &status);
		bytes_reset(&output);
		if (r == 0 && status == 0)
			return 0;
	}
	join_step(join, "Could not reload sshd: reload", "it yourself");
	return 0;
}
