/* SPDX-License-Identifier: ISC */
/* sk-tpm setup */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/guard.h"
#include "authenticator/ask-owner.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "command.h"
#include "key/parent.h"
#include "new-file.h"
#include "openssh.h"
#include "setup-ek.h"
#include "startup.h"
#include "tpm/owner.h"
#include "tpm/primary.h"

#define ENDORSEMENT_KEY "EndorsementKey" /* the setting */

/* The argument is the library's path. */
#define SSH_LINES "Host *\n\tSecurityKeyProvider %s\n"

/* --- the storage root key ---------------------------------------------- */

struct srk_look {
	enum parent_state state;
	bool owner_has_password;
};

static int
look_at_srk(struct tpm *tpm, void *what)
{
	struct srk_look *look = what;
	int r;

	if ((r = parent_look(tpm, &look->state)) != 0 ||
	    look->state != PARENT_ABSENT)
		return r;
	return owner_has_password(tpm, &look->owner_has_password);
}

static int
persist_srk(struct tpm *tpm, void *what)
{
	const struct owner_password *owner = what;

	return parent_make_persistent(tpm, owner->auth);
}

static int
set_up_srk(const struct config *cfg, enum setup_mode mode,
    struct owner_password *owner)
{
	struct srk_look look = { 0 };
	int r;

	if ((r = guard_with(cfg, look_at_srk, &look)) != 0)
		return r;
	if (look.state == PARENT_SUITS)
		printf("The storage root key is persistent already, at "
		       "0x%08x.\n",
		    PRIMARY_SRK_HANDLE);
	else if (look.state == PARENT_OTHER)
		printf("The key at 0x%08x is another program's (%s); it is "
		       "left alone.\n",
		    PRIMARY_SRK_HANDLE, log_cause());
	else if (mode == SETUP_DRY_RUN)
		printf("Would make the storage root key persistent at "
		       "0x%08x.\n",
		    PRIMARY_SRK_HANDLE);
	else if ((!look.owner_has_password ||
		     (r = owner_password_ask(cfg, owner)) == 0) &&
	    (r = guard_with(cfg, persist_srk, owner)) == 0)
		printf("Made the storage root key persistent at 0x%08x.\n",
		    PRIMARY_SRK_HANDLE);
	return r;
}

/* The owner's password is asked for once. */
static int
set_up_keys(const struct config *cfg, enum setup_mode mode,
    char ret_id[MACHINE_ID_LEN + 1])
{
	struct owner_password owner = { 0 };
	int r;

	if ((r = set_up_srk(cfg, mode, &owner)) == 0)
		r = setup_ek(cfg, mode, &owner, ret_id);
	owner_password_reset(&owner);
	return r;
}

/* --- the lines --------------------------------------------------------- */

/*
 * Opens a file without waiting, as for a pipe. Others cannot write a new one.
 */
static FILE *
open_to_append(const char *path, enum setup_mode mode)
{
	struct stat st;
	int fd = open(path,
	    mode == SETUP_DRY_RUN
		? O_RDONLY | O_NONBLOCK | O_CLOEXEC
		: O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC,
	    0600);
	FILE *f = NULL;

	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		f = fdopen(fd, mode == SETUP_DRY_RUN ? "r" : "a+");
	else
		errno = EINVAL;
	if (f == NULL)
		close(fd);
	return f;
}

/* Makes the missing directories. Others have no access to them. */
static int
make_parents(const char *path)
{
	char *dir = strdup(path);
	int r = 0;

	if (dir == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	for (char *p = strchr(dir + 1, '/'); p != NULL && r == 0;
	     p = strchr(p + 1, '/')) {
		*p = '\0';
		if (access(dir, F_OK) != 0 && mkdir(dir, 0700) != 0)
			r = file_fail("make", dir);
		*p = '/';
	}
	free(dir);
	return r;
}

/* Only one provider can be named. Ours passes other keys on. */
static void
tell_of_other(const char *path, const char *word, const char *line)
{
	const char *library = openssh_library();
	char value[1024];

	if (strcmp(word, ENDORSEMENT_KEY) == 0 || openssh_is_ours(line) ||
	    !openssh_value(line, word, value, sizeof(value)) ||
	    value[0] == '$') {
		printf(
		    "%s names %s already; it is left as it is.\n", path, word);
		return;
	}
	printf("%s names another provider, %s; it is left as it is.\n"
	       "Name %s there in its place.\n",
	    path, value, library);
	if (strcmp(value, FALLBACK_INTERNAL) != 0)
		printf("To keep using keys of the other provider, add to "
		       "~/.ssh/sk-tpm.conf:\n"
		       "FallbackProvider %s\n",
		    value);
}

/* Adds `lines` unless the file has such a setting already. */
static int
add_lines(
    const char *path, const char *word, const char *lines, enum setup_mode mode)
{
	FILE *f = NULL;
	bool open_end = false;
	char *present = NULL;
	int r;

	if (mode == SETUP_DO && (r = make_parents(path)) != 0)
		return r;
	r = 0;
	if ((f = open_to_append(path, mode)) == NULL &&
	    !(mode == SETUP_DRY_RUN && errno == ENOENT))
		return file_fail("open", path);
	if (f != NULL) {
		rewind(f);
		present = openssh_find_line(f, word, &open_end);
	}
	if (present != NULL)
		tell_of_other(path, word, present);
	else if (mode == SETUP_DRY_RUN)
		printf("Would add to %s:\n%s", path, lines);
	else if ((open_end && fputc('\n', f) == EOF) ||
	    fputs(lines, f) == EOF || fflush(f) != 0)
		r = file_fail("write", path);
	else
		printf("Added to %s:\n%s", path, lines);
	if (f != NULL && fclose(f) != 0 && r == 0)
		r = file_fail("write", path);
	free(present);
	return r;
}

/*
 * From then on, this TPM has to show that it is this one. A file that is named
 * for a program is not the person's to add to.
 */
static int
record_ek(const char *id, enum setup_mode mode)
{
	char *path, *line = NULL;
	int r;

	if (getenv("SK_TPM_CONFIG") != NULL) {
		printf("SK_TPM_CONFIG is set. To know this TPM again, add to "
		       "its settings:\n" ENDORSEMENT_KEY " %s\n",
		    id);
		return 0;
	}
	path = config_own_path();
	if (path == NULL)
		r = fail(FAIL_ARGUMENT, "there is no home directory");
	else if (asprintf(&line, ENDORSEMENT_KEY " %s\n", id) == -1)
		r = fail(FAIL_MEMORY, "out of memory");
	else
		r = add_lines(path, ENDORSEMENT_KEY, line, mode);
	free(line);
	free(path);
	return r;
}

static int
add_variable(const struct startup *s, enum setup_mode mode)
{
	char *line = NULL;
	int r;

	if (asprintf(&line, "%s%s\n", s->set, openssh_library()) == -1)
		return fail(FAIL_MEMORY, "out of memory");
	r = add_lines(s->path, "SSH_SK_PROVIDER", line, mode);
	free(line);
	return r;
}

/* Programs that run already have not read the new lines. */
static void
tell_when(const struct startup *shell, const struct startup *manager)
{
	const char *value = getenv("SSH_SK_PROVIDER");
	const char *library = openssh_library();

	if (value != NULL && strcmp(value, library) == 0)
		return;
	printf("\nShells have the variable from the next login on");
	if (manager->path != NULL)
		printf(", graphical sessions and user services once you have "
		       "logged out of all of them");
	printf(". For this shell, type:\n\n  %s%s\n", shell->set, library);
}

static int
write_openssh(const char *ssh_lines, const struct startup *shell,
    const struct startup *manager, enum setup_mode mode)
{
	char *config = home_path(".ssh/config");
	int r;

	if (config == NULL)
		return fail(FAIL_ARGUMENT, "there is no home directory");
	if ((r = add_lines(config, "SecurityKeyProvider", ssh_lines, mode)) ==
		0 &&
	    (r = add_variable(shell, mode)) == 0 && manager->path != NULL)
		r = add_variable(manager, mode);
	if (r == 0 && mode == SETUP_DO)
		tell_when(shell, manager);
	free(config);
	return r;
}

static void
show_openssh(const char *ssh_lines, const struct startup *shell,
    const struct startup *manager)
{
	const char *library = openssh_library();

	printf("\nFor ssh, in ~/.ssh/config:\n%s\nFor ssh-keygen, "
	       "ssh-add and git, in %s:\n%s%s\n",
	    ssh_lines, shell->path, shell->set, library);
	if (manager->path != NULL)
		printf("\nAnd for graphical sessions and user "
		       "services, in %s:\n%s%s\n",
		    manager->path, manager->set, library);
	printf("\nsk-tpm setup --write adds them.\n");
}

int
command_setup(struct invocation *inv)
{
	enum setup_mode mode = option_value(inv, OPTION_DRY_RUN) != NULL
	    ? SETUP_DRY_RUN
	    : SETUP_DO;
	struct startup shell = { 0 }, manager = { 0 };
	const char *wanted = option_value(inv, OPTION_ENDORSEMENT_KEY);
	bool write = option_value(inv, OPTION_WRITE) != NULL;
	bool was_named = inv->cfg.endorsement_key != NULL;
	char id[MACHINE_ID_LEN + 1] = "", *ssh_lines = NULL;
	int r;

	if ((wanted != NULL &&
		(r = config_set(&inv->cfg, ENDORSEMENT_KEY, wanted,
		     "--endorsement-key")) != 0) ||
	    (r = set_up_keys(&inv->cfg, mode, id)) != 0 ||
	    (write && id[0] != '\0' && (wanted != NULL || !was_named) &&
		(r = record_ek(id, mode)) != 0) ||
	    (r = startup_of_shell(&shell)) != 0)
		return r;
	startup_of_manager(&manager);
	if (asprintf(&ssh_lines, SSH_LINES, openssh_library()) == -1)
		r = fail(FAIL_MEMORY, "out of memory");
	else if (write)
		r = write_openssh(ssh_lines, &shell, &manager, mode);
	else
		show_openssh(ssh_lines, &shell, &manager);
	free(ssh_lines);
	free(shell.path);
	free(manager.path);
	return r;
}
