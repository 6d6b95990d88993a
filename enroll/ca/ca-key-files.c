/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "ca/ca-key-files.h"
#include "ca/ssh-keygen.h"

static bool
exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* --- names ------------------------------------------------------------- */

void
ca_key_files(const struct settings *settings, enum certificate_type type,
    const char *generation, struct ca_key_files *ret)
{
	const char *file = settings_ca_key(settings, type);
	const char *dot = generation[0] != '\0' ? "." : "";
	size_t n = strlen(file);
	bool elsewhere =
	    settings->ca_key_agent != NULL || settings->pkcs11_provider != NULL;

	if (n > 4 && strcmp(file + n - 4, ".pub") == 0)
		n -= 4;
	ret->private[0] = '\0';
	if (!elsewhere)
		snprintf(ret->private, sizeof(ret->private), "%.*s%s%s", (int)n,
		    file, dot, generation);
	snprintf(ret->public, sizeof(ret->public), "%.*s%s%s.pub", (int)n, file,
	    dot, generation);
}

bool
ca_key_is_there(const struct ca_key_files *files)
{
	return (files->private[0] == '\0' || exists(files->private)) &&
	    exists(files->public);
}

/* --- what belongs to the service --------------------------------------- */

static int
no_account(const char *account)
{
	return fail(FAIL_UNAVAILABLE,
	    "there is no account %s; the package makes it, or: "
	    "systemd-sysusers",
	    account);
}

/* To be root again; nothing for who was not. */
static void
end_as_service(void)
{
	if (getuid() == 0 && (seteuid(0) != 0 || setegid(0) != 0))
		abort();
}

int
give_to_service(const struct ca_invocation *inv, const char *path)
{
	const char *account = inv->settings.service_account;
	const struct passwd *pw;

	if (geteuid() != 0)
		return 0;
	if ((pw = getpwnam(account)) == NULL)
		return no_account(account);
	if (lchown(path, pw->pw_uid, pw->pw_gid) != 0)
		return fail(FAIL_UNAVAILABLE, "cannot give %s to %s: %s", path,
		    account, strerror(errno));
	return 0;
}

int
make_directory_of(const struct ca_invocation *inv, const char *path)
{
	char directory[PATH_MAX];
	char *name;

	snprintf(directory, sizeof(directory), "%s", path);
	if ((name = strrchr(directory, '/')) == NULL || name == directory)
		return 0;
	*name = '\0';
	if (exists(directory))
		return 0;
	if (mkdir(directory, 0700) != 0)
		return fail(FAIL_UNAVAILABLE, "cannot make %s: %s", directory,
		    strerror(errno));
	return give_to_service(inv, directory);
}

/*
 * The directory is the service's: what is made there is made by its account,
 * which a link leads nowhere that it may not write. ssh-keygen goes by the
 * effective ids.
 */
static int
begin_as_service(const struct ca_invocation *inv)
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return 0;
	if ((pw = getpwnam(inv->settings.service_account)) == NULL)
		return no_account(inv->settings.service_account);
	if (setegid(pw->pw_gid) != 0 || seteuid(pw->pw_uid) != 0) {
		end_as_service();
		return fail(FAIL_UNAVAILABLE, "cannot become %s: %s",
		    inv->settings.service_account, strerror(errno));
	}
	return 0;
}

/* --- making one -------------------------------------------------------- */

int
ca_key_make(const struct ca_invocation *inv, const struct ca_key_files *files,
    const char *comment)
{
	const char *const arguments[] = { "-q", "-t", "ed25519", "-N", "", "-C",
		comment, "-f", files->private };
	struct ssh_keygen keygen = { 0 };
	int r;

	if (files->private[0] == '\0')
		return fail(FAIL_UNAVAILABLE,
		    "%s is not there: write the public key of the agent or "
		    "token into it",
		    files->public);
	/* A part of one that is there is somebody's, and not written over. */
	if (exists(files->private) || exists(files->public))
		return fail(FAIL_UNAVAILABLE,
		    "%s and %s are one key, and one of them is there "
		    "already: put it away, or back beside the other",
		    files->private, files->public);
	if ((r = make_directory_of(inv, files->private)) != 0)
		return r;
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
		ssh_keygen_add(&keygen, arguments[i]);
	if ((r = begin_as_service(inv)) != 0)
		return r;
	r = ssh_keygen_run(&keygen, &inv->settings);
	end_as_service();
	return r;
}
