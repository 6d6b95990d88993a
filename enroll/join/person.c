/* SPDX-License-Identifier: ISC */
/*
 * sk-tpm join --user: a person's key with a PIN, its certificate, and lines for
 * ssh that keep it fresh. Nothing of root's.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "base/text.h"
#include "join/join.h"
#include "join/programs.h"
#include "new-file.h"
#include "openssh.h"

#define PIN_LIFETIME "10m"
#define MARK "# By sk-tpm join"

struct person {
	struct join *join;
	char *key, *ca_keys, *config; /* paths */
	const char *address;
	char hosts[300]; /* which the CA certifies */
};

/* In ssh_config, and within Match exec for a shell, without any quotes. */
static bool
is_plain(const char *text)
{
	return text[0] != '\0' &&
	    text[strspn(text,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789/._-@:+*?[]")] == '\0';
}

static int
check_plain(const char *text)
{
	if (is_plain(text))
		return 0;
	return fail(FAIL_ARGUMENT,
	    "\"%.200s\" has characters that would need quotes in ssh_config",
	    text);
}

/* --hosts, or those beside the CA: *.example.com for ca.example.com. */
static int
take_hosts(struct person *p)
{
	const char *hosts = option_value(p->join->inv, OPTION_HOSTS);
	const char *host = strrchr(p->address, '@') + 1;
	const char *dot = strchr(host, '.');
	size_t n = strcspn(host, ":");

	if (hosts != NULL)
		snprintf(p->hosts, sizeof(p->hosts), "%s", hosts);
	else if (dot != NULL && (size_t)(dot - host) < n && host[n - 1] > '9' &&
	    host[0] != '[')
		snprintf(p->hosts, sizeof(p->hosts), "*%.*s",
		    (int)(n - (size_t)(dot - host)), dot);
	else
		return fail(FAIL_ARGUMENT,
		    "which hosts does this CA certify? Name them by --hosts, "
		    "as --hosts '*.example.com'");
	return check_plain(p->hosts);
}

static int
take_paths(struct person *p)
{
	const char *file = option_value(p->join->inv, OPTION_FILE);
	int r;

	p->key = file == NULL ? home_path(".ssh/id_ecdsa_sk")
	    : file[0] == '/'  ? strdup(file)
			      : NULL;
	if (file != NULL && p->key == NULL)
		return fail(FAIL_ARGUMENT,
		    "-f: ssh_config needs the full path of \"%.200s\"", file);
	p->ca_keys = home_path(".ssh/sk-tpm-host-ca.pub");
	p->config = home_path(".ssh/config");
	if (p->key == NULL || p->ca_keys == NULL || p->config == NULL)
		return fail(FAIL_MEMORY, "out of memory, or no home directory");
	if ((r = check_plain(p->key)) != 0 ||
	    (r = check_plain(p->ca_keys)) != 0)
		return r;
	for (size_t i = 0; i < p->join->n_addresses; i++)
		if ((r = check_plain(p->join->addresses[i])) != 0)
			return r;
	return check_plain(program_self());
}

/* One CA a person: its keys have one file, and ssh one place that asks it. */
static int
check_lines(const struct person *p)
{
	bool open_end;
	FILE *f = fopen(p->config, "re");
	char *there = f != NULL
	    ? openssh_find_line(f, "sk-tpm-host-ca.pub", &open_end)
	    : NULL;
	int r = 0;

	if (there != NULL && strstr(there, p->address) == NULL)
		r = fail(FAIL_ARGUMENT,
		    "%s has lines of sk-tpm join for another CA: remove them, "
		    "or add those for %s by hand",
		    p->config, p->address);
	free(there);
	if (f != NULL)
		fclose(f);
	return r;
}

/* Asks for the PIN that it is to have, as sk-tpm enroll does. */
static int
make_key(struct person *p)
{
	struct invocation enroll = { .cfg = p->join->inv->cfg };
	char *dir = home_path(".ssh");
	int r = 0;

	if (access(p->key, F_OK) == 0 ||
	    !join_step(p->join, "Making a key with a PIN,", p->key))
		goto out;
	if (dir == NULL || (mkdir(dir, 0700) != 0 && errno != EEXIST)) {
		r = fail(FAIL_ARGUMENT, "cannot make ~/.ssh");
		goto out;
	}
	enroll.options[OPTION_PIN] = (struct values){ 1, { "" } };
	enroll.options[OPTION_FILE] = (struct values){ 1, { p->key } };
	if (enroll.cfg.pin_lifetime == CONFIG_PIN_LIFETIME_KEYS)
		r = config_set(
		    &enroll.cfg, "PINLifetime", PIN_LIFETIME, "join");
	if (r == 0)
		r = command_enroll(&enroll);
out:
	free(dir);
	return r;
}

static int
certify(struct person *p)
{
	struct invocation request = { .cfg = p->join->inv->cfg,
		.argc = (int)p->join->n_addresses,
		.argv = p->join->addresses };

	if (!join_step(p->join, "Asking", p->address))
		return 0;
	request.options[OPTION_FILE] = (struct values){ 1, { p->key } };
	request.options[OPTION_CA_KEYS] = (struct values){ 1, { p->ca_keys } };
	if (p->join->name != NULL)
		request.options[OPTION_NAME] =
		    (struct values){ 1, { p->join->name } };
	return command_request(&request);
}

/* --- ssh's lines ------------------------------------------------------- */

static void
print_lines(const struct person *p, FILE *f)
{
	fprintf(f,
	    "\n" MARK ": certificates of %s.\n"
	    "Match host %s exec \"%s request --if-needed -f %s --ca-keys %s",
	    p->address, p->hosts, program_self(), p->key, p->ca_keys);
	for (size_t i = 0; i < p->join->n_addresses; i++)
		fprintf(f, " %s", p->join->addresses[i]);
	fprintf(f,
	    "\"\n"
	    "\tIdentityFile %s\n"
	    "Host %s\n"
	    "\tSecurityKeyProvider %s\n"
	    "\tKnownHostsCommand %s known-hosts %s %s\n",
	    p->key, p->hosts, openssh_library(), program_self(), p->ca_keys,
	    p->hosts);
}

/* Behind all that is there, which may be a link to somewhere else. */
static int
add_lines(struct person *p)
{
	bool open_end = false;
	char *there;
	FILE *f;
	int fd, r = 0;

	fd = open(p->config,
	    (p->join->dry_run ? O_RDONLY : O_RDWR | O_APPEND | O_CREAT) |
		O_NONBLOCK | O_CLOEXEC,
	    0600);
	if (fd == -1 && p->join->dry_run && errno == ENOENT) {
		join_step(p->join, "Adding lines to", p->config);
		return 0;
	}
	if (fd == -1 || (f = fdopen(fd, p->join->dry_run ? "r" : "a+")) == NULL)
		return file_fail("open", p->config);
	rewind(f);
	there = openssh_find_line(f, "sk-tpm-host-ca.pub", &open_end);
	if (there == NULL && join_step(p->join, "Adding lines to", p->config)) {
		fseek(f, 0, SEEK_END);
		if (open_end)
			fputc('\n', f);
		print_lines(p, f);
	}
	free(there);
	if ((ferror(f) != 0) | (fclose(f) != 0))
		r = file_fail("write", p->config);
	return r;
}

int
join_person(struct join *join)
{
	struct person p = { .join = join, .address = join->addresses[0] };
	int r, lines;

	if ((r = take_hosts(&p)) == 0 && (r = take_paths(&p)) == 0 &&
	    (r = check_lines(&p)) == 0 && (r = make_key(&p)) == 0) {
		r = certify(&p);
		/* Where the key has to wait, ssh asks again by itself. */
		if (r == 0 || r == FAIL_CA_PENDING) {
			struct text cause = { 0 };

			text_add(&cause, "%s", r != 0 ? log_cause() : "");
			if ((lines = add_lines(&p)) != 0)
				r = lines;
			else if (r != 0)
				r = fail(r, "%s", cause.s);
		}
	}
	free(p.key);
	free(p.ca_keys);
	free(p.config);
	return r;
}
