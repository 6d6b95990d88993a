/* SPDX-License-Identifier: ISC */
/* The account that has the machine's certificates renewed, and its keys. */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/text.h"
#include "join/join.h"
#include "join/programs.h"
#include "new-file.h"

#define KNOWN_HOSTS JOIN_STATE "/.ssh/known_hosts"

static bool
exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* --- the account ------------------------------------------------------- */

/* The rest below it is made by the account itself. */
static int
make_home(void)
{
	const char *path = JOIN_STATE;
	const struct passwd *pw = getpwnam(JOIN_ACCOUNT);

	if (pw == NULL)
		return fail(
		    FAIL_UNAVAILABLE, "there is no account " JOIN_ACCOUNT);
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return file_fail("make", path);
	if (chown(path, pw->pw_uid, pw->pw_gid) != 0 || chmod(path, 0700) != 0)
		return file_fail("give away", path);
	return 0;
}

int
join_make_account(struct join *join)
{
	static const char *const useradd[] = { "useradd", "--system",
		"--home-dir", JOIN_STATE, "--no-create-home", "--shell",
		"/usr/sbin/nologin", "--user-group", JOIN_ACCOUNT, NULL };
	static const char *const mkdir_ssh[] = { "mkdir", "-p", "-m", "700",
		JOIN_STATE "/.ssh", NULL };
	static const char config[] =
	    "# By sk-tpm join: the login to the CA.\n"
	    "IdentityFile " JOIN_IDENTITY "\n"
	    "IdentitiesOnly yes\n"
	    "BatchMode yes\n"
	    "# The CA is known by these keys alone: its host may have another one\n"
	    "# with a certificate, which ssh would prefer.\n"
	    "HostKeyAlgorithms -*-cert-v01@openssh.com\n"
	    "UserKnownHostsFile " KNOWN_HOSTS "\n"
	    "GlobalKnownHostsFile none\n";
	int r;

	if (getpwnam(JOIN_ACCOUNT) == NULL &&
	    join_step(join, "Making the account", JOIN_ACCOUNT) &&
	    (r = program_must(useradd, RUN_AS_OURSELVES)) != 0)
		return r;
	if (exists(JOIN_STATE "/.ssh/config") ||
	    !join_step(join, "Making", JOIN_STATE))
		return 0;
	if ((r = make_home()) != 0 ||
	    (r = program_must(mkdir_ssh, RUN_AS_MACHINE)) != 0)
		return r;
	return machine_put_file(
	    JOIN_STATE "/.ssh/config", slice_of_text(config));
}

/* --- the CA's host key ------------------------------------------------- */

/* ssh://user@host:port, in its parts. */
struct place {
	char host[256], port[8];
	char known_as[300]; /* in known_hosts */
};

static void
split(const char *address, struct place *ret)
{
	const char *host = strrchr(address, '@') + 1, *colon;
	size_t n = strlen(host);

	colon = host[0] == '[' ? strstr(host, "]:") : strchr(host, ':');
	if (host[0] == '[')
		colon = colon != NULL ? colon + 1 : NULL;
	if (colon != NULL)
		n = (size_t)(colon - host);
	if (host[0] == '[') {
		host++;
		n = strcspn(host, "]");
	}
	snprintf(ret->host, sizeof(ret->host), "%.*s", (int)n, host);
	snprintf(ret->port, sizeof(ret->port), "%s",
	    colon != NULL && strcmp(colon, ":22") != 0 ? colon + 1 : "22");
	if (strcmp(ret->port, "22") == 0)
		snprintf(ret->known_as, sizeof(ret->known_as), "%s", ret->host);
	else
		snprintf(ret->known_as, sizeof(ret->known_as), "[%s]:%s",
		    ret->host, ret->port);
}

/* Lines for it in that file are added to *out. False where there are none. */
static bool
is_known(const struct place *place, const char *file, enum run_as as,
    struct bytes *out)
{
	const char *const argv[] = { "ssh-keygen", "-F", place->known_as, "-f",
		file, NULL };
	struct bytes found = { 0 };
	char *rest, *line;
	bool known = false;
	int status;

	if (!exists(file) || program_run(argv, as, &found, &status) != 0 ||
	    status != 0 || bytes_append(&found, "", 1) != 0)
		goto out;
	/* A line @cert-authority is no key of the CA's host. */
	rest = (char *)found.data;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '@' && line[0] != '#' && line[0] != '\0' &&
		    bytes_append(out, line, strlen(line)) == 0 &&
		    bytes_append(out, "\n", 1) == 0)
			known = true;
out:
	bytes_reset(&found);
	return known;
}

/* "HOST TYPE BASE64" of ssh-keyscan: whether one of --ca-key is this key. */
static bool
is_expected(const struct join *join, char *line)
{
	const struct values *keys = &join->inv->options[OPTION_CA_KEY];
	struct bytes blob = { 0 };
	struct text fingerprint = { 0 };
	uint8_t digest[SHA256_LEN];
	char *rest = line;
	bool found = false;

	strsep(&rest, " ");
	strsep(&rest, " ");
	if (rest != NULL && base64_decode(slice_of_text(rest), &blob) == 0 &&
	    sha256(bytes_slice(&blob), digest) == 0)
		text_add_fingerprint(&fingerprint, digest);
	for (size_t i = 0; i < keys->n; i++)
		found |= strcmp(keys->value[i], fingerprint.s) == 0;
	bytes_reset(&blob);
	return found;
}

/* What strangers on the network say is read by the account. */
static int
scan(const struct join *join, const struct place *place, struct bytes *out)
{
	const char *const argv[] = { "ssh-keyscan", "-T", "10", "-p",
		place->port, place->host, NULL };
	struct bytes output = { 0 };
	char *rest, *line, *copy = NULL;
	bool found = false, any = false;
	int status, r;

	if ((r = program_run(argv, RUN_AS_MACHINE_QUIETLY, &output, &status)) !=
		0 ||
	    (r = bytes_append(&output, "", 1)) != 0)
		goto out;
	rest = (char *)output.data;
	while ((line = strsep(&rest, "\n")) != NULL && r == 0) {
		if (line[0] == '#' || line[0] == '\0')
			continue;
		any = true;
		if ((copy = strdup(line)) == NULL)
			r = fail(FAIL_MEMORY, "out of memory");
		else if (is_expected(join, copy)) {
			found = true;
			if ((r = bytes_append(out, line, strlen(line))) == 0)
				r = bytes_append(out, "\n", 1);
		}
		free(copy);
	}
	if (r == 0 && !any)
		r = fail(FAIL_CA_LATER, "no sshd answers at %s port %s",
		    place->host, place->port);
	else if (r == 0 && !found)
		r = fail(FAIL_CA_REFUSED,
		    "the host key of %s is none of --ca-key: another host "
		    "answers there, or the fingerprint is another key's",
		    place->host);
out:
	bytes_reset(&output);
	return r;
}

int
join_pin_ca(struct join *join)
{
	const bool given = join->inv->options[OPTION_CA_KEY].n > 0;
	struct bytes known = { 0 };
	struct place place;
	int r = 0;

	for (size_t i = 0; i < join->n_addresses && r == 0; i++) {
		split(join->addresses[i], &place);
		if (given &&
		    join_step(
			join, "Looking at the host key of", place.known_as))
			r = scan(join, &place, &known);
		else if (!given &&
		    !is_known(
			&place, KNOWN_HOSTS, RUN_AS_MACHINE_QUIETLY, &known) &&
		    !is_known(
			&place, JOIN_KNOWN_HOSTS, RUN_AS_OURSELVES, &known))
			r = fail(FAIL_ARGUMENT,
			    "the host key of %s is not known here: give "
			    "--ca-key SHA256:..., which on the CA's host "
			    "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub "
			    "prints",
			    place.known_as);
	}
	if (r == 0 && known.len > 0 && !join->dry_run)
		r = machine_put_file(KNOWN_HOSTS, bytes_slice(&known));
	bytes_reset(&known);
	return r;
}

/* --- keys -------------------------------------------------------------- */

/* With a persistent copy, while the TPM has room for one. */
static int
enrol(const char *file, const char *limit, enum run_as as)
{
	const char *const plain[] = { program_self(), "enroll", "-n", "-l",
		limit, "-f", file, NULL };
	const char *const persistent[] = { program_self(), "enroll", "-n", "-l",
		limit, "-f", file, "--persistent", NULL };
	struct bytes output = { 0 };
	int status, r;

	if ((r = program_run(persistent, as, &output, &status)) == 0 &&
	    status != 0) {
		log_info("%s gets no persistent copy in the TPM", file);
		r = program_must(plain, as);
	}
	bytes_reset(&output);
	return r;
}

static int
copy_for_account(const char *from, const char *to)
{
	struct bytes content = { 0 };
	int r;

	if ((r = join_read_file(from, &content)) == 0)
		r = machine_put_file(to, bytes_slice(&content));
	bytes_reset(&content);
	return r;
}

int
join_make_keys(struct join *join)
{
	int r;

	if (!exists(JOIN_IDENTITY) &&
	    join_step(join, "Making the machine's key", JOIN_IDENTITY) &&
	    (r = enrol(JOIN_IDENTITY, "login", RUN_AS_MACHINE)) != 0)
		return r;
	if (!exists(JOIN_HOST_KEY) &&
	    join_step(join, "Making the host key", JOIN_HOST_KEY) &&
	    (r = enrol(JOIN_HOST_KEY, "host", RUN_AS_OURSELVES)) != 0)
		return r;
	if (join->dry_run)
		return 0;
	/* Handles only: the TPM has the keys. */
	if ((r = copy_for_account(JOIN_HOST_KEY, JOIN_HOST_COPY)) != 0)
		return r;
	return copy_for_account(JOIN_HOST_KEY ".pub", JOIN_HOST_COPY ".pub");
}
