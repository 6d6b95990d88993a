/* SPDX-License-Identifier: ISC */
/* sk-tpm setup */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "home.h"
#include "log.h"
#include "openssh.h"
#include "owner.h"
#include "parent.h"

/* With the library's path. */
#define SSH_LINES "Host *\n\tSecurityKeyProvider %s\n"
#define PROFILE_LINE "export SSH_SK_PROVIDER=%s\n"

/* --- the storage root key ---------------------------------------------- */

static int
look(struct tpm *tpm, void *what)
{
	return parent_look(tpm, what);
}

static int
persist(struct tpm *tpm, void *what)
{
	const struct owner_password *owner = what;

	return parent_make_persistent(tpm, owner->auth);
}

static int
make_persistent(const struct config *cfg)
{
	struct owner_password owner = { 0 };
	int r;

	if ((r = owner_ask(cfg, &owner)) == 0 &&
	    (r = tpm_with(cfg->tcti, persist, &owner)) == 0)
		printf("Made the storage root key persistent at 0x%08x.\n",
		    PARENT_SRK_HANDLE);
	owner_reset(&owner);
	return r;
}

static int
set_up_parent(const struct config *cfg, bool dry_run)
{
	enum parent_state state = PARENT_ABSENT;
	int r;

	if ((r = tpm_with(cfg->tcti, look, &state)) != 0)
		return r;
	if (state == PARENT_SUITS)
		printf("The storage root key is persistent already, at "
		       "0x%08x.\n",
		    PARENT_SRK_HANDLE);
	else if (state == PARENT_OTHER)
		printf("The key at 0x%08x is another program's (%s); it is "
		       "left alone.\n",
		    PARENT_SRK_HANDLE, log_cause());
	else if (dry_run)
		printf("Would make the storage root key persistent at "
		       "0x%08x.\n",
		    PARENT_SRK_HANDLE);
	else
		return make_persistent(cfg);
	return 0;
}

/* --- the lines --------------------------------------------------------- */

static int
cannot(const char *what, const char *path)
{
	return fail(
	    FAIL_ARGUMENT, "cannot %s %s: %s", what, path, strerror(errno));
}

/* To read and append, never waiting as for a pipe; ours alone to write. */
static FILE *
open_to_append(const char *path, bool dry_run)
{
	struct stat st;
	int fd = open(path,
	    dry_run ? O_RDONLY | O_NONBLOCK | O_CLOEXEC
		    : O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC,
	    0600);
	FILE *f = NULL;

	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		f = fdopen(fd, dry_run ? "r" : "a+");
	else
		errno = EINVAL;
	if (f == NULL)
		close(fd);
	return f;
}

/* Adds `lines` unless the file names such a setting already. */
static int
add_lines(const char *path, const char *word, const char *lines, bool dry_run)
{
	FILE *f = open_to_append(path, dry_run);
	bool open_end = false;
	char *present = NULL;
	int r = 0;

	if (f == NULL && !(dry_run && errno == ENOENT))
		return cannot("open", path);
	if (f != NULL) {
		rewind(f);
		present = openssh_find_line(f, word, &open_end);
	}
	if (present != NULL)
		printf(
		    "%s names %s already; it is left as it is.\n", path, word);
	else if (dry_run)
		printf("Would add to %s:\n%s", path, lines);
	else if ((open_end && fputc('\n', f) == EOF) ||
	    fputs(lines, f) == EOF || fflush(f) != 0)
		r = cannot("write", path);
	else
		printf("Added to %s:\n%s", path, lines);
	if (f != NULL && fclose(f) != 0 && r == 0)
		r = cannot("write", path);
	free(present);
	return r;
}

static int
write_lines(const char *ssh_lines, const char *profile_line, bool dry_run)
{
	char *dir = home_path(".ssh"), *config = home_path(".ssh/config");
	char *profile = home_path(".profile");
	int r;

	if (dir == NULL || config == NULL || profile == NULL) {
		r = fail(FAIL_ARGUMENT, "there is no home directory");
		goto out;
	}
	if (!dry_run && mkdir(dir, 0700) != 0 && errno != EEXIST) {
		r = cannot("make", dir);
		goto out;
	}
	if ((r = add_lines(
		 config, "SecurityKeyProvider", ssh_lines, dry_run)) == 0)
		r = add_lines(
		    profile, "SSH_SK_PROVIDER", profile_line, dry_run);
out:
	free(dir);
	free(config);
	free(profile);
	return r;
}

/* Shells that run already have not read ~/.profile as it is now. */
static void
tell_of_this_shell(const char *library)
{
	const char *value = getenv("SSH_SK_PROVIDER");

	if (value == NULL || strcmp(value, library) != 0)
		printf("\nThe variable is set at the next login. For this "
		       "shell, type:\n\n  " PROFILE_LINE,
		    library);
}

static int
set_up_openssh(bool write, bool dry_run)
{
	const char *library = openssh_library();
	char *ssh_lines = NULL, *profile_line = NULL;
	int r = 0;

	if (asprintf(&ssh_lines, SSH_LINES, library) == -1 ||
	    asprintf(&profile_line, PROFILE_LINE, library) == -1)
		r = fail(FAIL_MEMORY, "out of memory");
	else if (!write)
		printf("\nFor ssh, in ~/.ssh/config:\n%s\nFor ssh-keygen, "
		       "ssh-add and git, in ~/.profile:\n%s",
		    ssh_lines, profile_line);
	else if ((r = write_lines(ssh_lines, profile_line, dry_run)) == 0 &&
	    !dry_run)
		tell_of_this_shell(library);
	free(ssh_lines);
	free(profile_line);
	return r;
}

int
command_setup(struct invocation *inv)
{
	bool dry_run = option_value(inv, OPTION_DRY_RUN) != NULL;
	int r;

	if ((r = set_up_parent(&inv->cfg, dry_run)) != 0)
		return r;
	return set_up_openssh(option_value(inv, OPTION_WRITE) != NULL, dry_run);
}
