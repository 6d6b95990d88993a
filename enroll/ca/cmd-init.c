/* SPDX-License-Identifier: ISC */
/*
 * sk-tpm-ca init: from nothing to an answering CA. Each step leaves alone what
 * is there, so that it may run again.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <shadow.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "base/text.h"
#include "ca/ca-key-files.h"
#include "ca/issue.h"
#include "ca/public-key.h"
#include "ca/workdir.h"

#define SNIPPET "/etc/ssh/sshd_config.d/sk-tpm-ca.conf"
#define SOCKET_UNIT "sk-tpm-ca.socket"
#define INVENTORY_UNIT "sk-tpm-ca-inventory.socket"

static bool
exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Says what is done, or would be. False where it is only said. */
static bool
begin(const struct ca_invocation *inv, const char *what, const char *path)
{
	printf("%s %s\n", what, path);
	return !inv->options.dry_run;
}

/* --- programs ---------------------------------------------------------- */

/* 0, or FAIL_UNAVAILABLE; what it says is seen. */
static int
run(const char *const argv[])
{
	int status = 0, err;
	pid_t pid;

	fflush(stdout);
	err = posix_spawnp(
	    &pid, argv[0], NULL, NULL, (char **)(uintptr_t)argv, environ);
	if (err != 0)
		return fail(FAIL_UNAVAILABLE, "cannot run %s: %s", argv[0],
		    strerror(err));
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fail(FAIL_UNAVAILABLE, "%s failed", argv[0]);
	return 0;
}

/* Where relay and its kin are: in a tree that was built, beside this program.
 */
static void
find_helpers(char ret[PATH_MAX])
{
	char exe[PATH_MAX - 32];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *name;

	if (n > 0) {
		exe[n] = '\0';
		if ((name = strrchr(exe, '/')) != NULL)
			*name = '\0';
		snprintf(ret, PATH_MAX, "%s/libexec/relay", exe);
		if (exists(ret)) {
			snprintf(ret, PATH_MAX, "%s/libexec", exe);
			return;
		}
	}
	snprintf(ret, PATH_MAX, "%s", SK_TPM_LIBEXEC);
}

/* --- the settings ------------------------------------------------------ */

static void
add_names(const char *names, struct text *out)
{
	char host[256] = "";

	if (names != NULL) {
		for (; *names != '\0'; names++)
			text_add(out, "%c", *names == ',' ? ' ' : *names);
		return;
	}
	gethostname(host, sizeof(host) - 1);
	text_add(out, "%s", host[0] != '\0' ? host : "localhost");
}

static int
write_settings(const struct ca_invocation *inv)
{
	const char *path = inv->options.config;
	struct text names = { 0 }, text = { 0 };
	int r;

	if (exists(path)) {
		printf("Keeping %s\n", path);
		return 0;
	}
	add_names(inv->options.names, &names);
	if (!begin(inv, "Writing", path))
		return fail(FAIL_ARGUMENT,
		    "%s is not there yet: the rest depends on it", path);
	text_add(&text,
	    "# See sk-tpm-ca.conf(5).\n"
	    "# What machines call this host when they ask for a certificate:\n"
	    "Names %s\n"
	    "UserCAKey /var/lib/sk-tpm-ca/user_ca\n"
	    "HostCAKey /var/lib/sk-tpm-ca/host_ca\n",
	    names.s);
	if ((r = file_write_new(path, slice_of_text(text.s))) == 0 &&
	    chmod(path, 0644) != 0)
		r = fail(FAIL_UNAVAILABLE, "cannot set the mode of %s: %s",
		    path, strerror(errno));
	return r;
}

/* --- keys and store ---------------------------------------------------- */

static int
make_ca_key(const struct ca_invocation *inv, enum certificate_type type,
    const char *file)
{
	struct ca_key_files files;

	if (file == NULL)
		return 0;
	ca_key_files(&inv->settings, type, "", &files);
	if (exists(file)) {
		printf("Keeping %s\n", file);
		return 0;
	}
	if (!begin(inv, "Making the key", file))
		return 0;
	return ca_key_make(
	    inv, &files, type == CERTIFICATE_HOST ? "host CA" : "user CA");
}

static int
make_store(struct ca_invocation *inv)
{
	const char *path = inv->settings.store;
	bool there = exists(path);
	struct store *store;
	int r;

	if (there)
		printf("Keeping %s\n", path);
	else if (!begin(inv, "Making the store", path))
		return 0;
	else if ((r = make_directory_of(inv, path)) != 0)
		return r;
	if (inv->options.dry_run)
		return 0;
	if ((r = store_open(path, STORE_CREATE, &store)) != 0)
		return r;
	store_close(store);
	return there ? 0 : give_to_service(inv, path);
}

static int
print_ca_key(const struct ca_invocation *inv, enum certificate_type type)
{
	const char *what = type == CERTIFICATE_HOST ? "hosts" : "users";
	char fingerprint[STORE_FINGERPRINT_LEN + 1];
	struct bytes blob = { 0 };
	int r;

	if (settings_ca_key(&inv->settings, type) == NULL)
		return 0;
	if ((r = ca_public_key(&inv->settings, type, &blob)) == 0 &&
	    (r = public_key_fingerprint(bytes_slice(&blob), fingerprint)) == 0)
		printf("CA of %s: %s\n", what, fingerprint);
	bytes_reset(&blob);
	return r;
}

/* --- sshd -------------------------------------------------------------- */

static void
write_snippet_text(const struct ca_invocation *inv, struct text *out)
{
	char helpers[PATH_MAX];

	find_helpers(helpers);
	text_add(out,
	    "# Written by sk-tpm-ca init. Machines log in as this account to "
	    "ask for\n"
	    "# certificates, and can do nothing else.\n"
	    "Match User %s\n"
	    "\tAuthenticationMethods publickey\n"
	    "\tPubkeyAcceptedAlgorithms sk-ecdsa-sha2-nistp256@openssh.com\n"
	    "\tAuthorizedKeysFile none\n"
	    "\tAuthorizedKeysCommand %s/authorized-keys %%t %%k\n"
	    "\tAuthorizedKeysCommandUser nobody\n"
	    "\tTrustedUserCAKeys none\n"
	    "\tExposeAuthInfo yes\n"
	    "\tForceCommand %s/relay\n"
	    "\tDisableForwarding yes\n"
	    "\tPermitTTY no\n"
	    "Match all\n",
	    inv->settings.login_account, helpers, helpers);
}

static int
check_sshd(void)
{
	const char *const test[] = { "/usr/sbin/sshd", "-t", NULL };

	return run(test);
}

/* sshd goes on with what it had where it would not take this. */
static int
install_snippet(const char *path, const struct text *text)
{
	struct bytes before = { 0 };
	struct text cause = { 0 };
	bool there = exists(path);
	int r;

	if (there && (r = home_read(path, 65536, &before)) != 0)
		return r;
	if (there && unlink(path) != 0)
		return fail(FAIL_UNAVAILABLE, "cannot replace %s: %s", path,
		    strerror(errno));
	if ((r = file_write_new(path, slice_of_text(text->s))) == 0 &&
	    chmod(path, 0644) == 0)
		r = check_sshd();
	if (r != 0) {
		text_add(&cause, "%s", log_cause());
		unlink(path);
		if (there && file_write_new(path, bytes_slice(&before)) != 0)
			text_add(&cause, "; and %s", log_cause());
		fail(r, "%s; %s is as it was", cause.s, path);
	}
	bytes_reset(&before);
	return r;
}

/* sshd without PAM refuses an account whose password is locked. */
static int
unlock_account(const struct ca_invocation *inv)
{
	const char *account = inv->settings.login_account;
	const char *const usermod[] = { "usermod", "-p", "*", account, NULL };
	const struct spwd *entry = getspnam(account);

	if (getpwnam(account) == NULL)
		return fail(FAIL_UNAVAILABLE,
		    "there is no account %s; the package makes it, or: "
		    "systemd-sysusers",
		    account);
	if (entry == NULL || entry->sp_pwdp[0] != '!')
		return 0;
	return run(usermod);
}

static int
set_up_sshd(const struct ca_invocation *inv)
{
	const char *path =
	    inv->options.snippet != NULL ? inv->options.snippet : SNIPPET;
	struct text text = { 0 };
	int r;

	write_snippet_text(inv, &text);
	if (!inv->options.write) {
		printf("For sshd, as %s; init --write puts it there:\n\n%s\n",
		    path, text.s);
		return 0;
	}
	if (!begin(inv, "Writing", path))
		return 0;
	if ((r = unlock_account(inv)) != 0)
		return r;
	return install_snippet(path, &text);
}

static int
start(const struct ca_invocation *inv)
{
	const char *const enable[] = { "systemctl", "enable", "--now",
		SOCKET_UNIT,
		inv->settings.inventory_command != NULL ? INVENTORY_UNIT : NULL,
		NULL };
	const char *const reload[] = { "systemctl", "try-reload-or-restart",
		"ssh.service", "sshd.service", NULL };
	int r;

	if (!inv->options.write)
		return 0;
	if (!exists("/run/systemd/system")) {
		puts("systemd does not run here: start sk-tpm-ca.socket, or "
		     "its like, and reload sshd");
		return 0;
	}
	if (!begin(inv, "Starting", SOCKET_UNIT))
		return 0;
	if ((r = run(enable)) != 0)
		return r;
	/* One of the two names is this distribution's. */
	if (run(reload) != 0)
		puts("Reload sshd now");
	return 0;
}

int
ca_init(struct ca_invocation *inv)
{
	struct settings *s = &inv->settings;
	int r;

	if ((r = write_settings(inv)) != 0 ||
	    (r = settings_read(inv->options.config, s)) != 0 ||
	    (r = make_ca_key(inv, CERTIFICATE_USER, s->user_ca_key)) != 0 ||
	    (r = make_ca_key(inv, CERTIFICATE_HOST, s->host_ca_key)) != 0 ||
	    (r = make_store(inv)) != 0 || (r = set_up_sshd(inv)) != 0 ||
	    (r = start(inv)) != 0)
		return r;
	if (inv->options.dry_run)
		return 0;
	if ((r = print_ca_key(inv, CERTIFICATE_USER)) != 0)
		return r;
	return print_ca_key(inv, CERTIFICATE_HOST);
}
