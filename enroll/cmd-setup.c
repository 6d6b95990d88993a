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
#include "owner.h"
#include "parent.h"

#define SSH_LINE "Host *\n\tSecurityKeyProvider " SK_TPM_LIBRARY "\n"
#define PROFILE_LINE "export SSH_SK_PROVIDER=" SK_TPM_LIBRARY "\n"

/* --- the storage root key ---------------------------------------------- */

static int
look(const struct config *cfg, enum parent_state *ret)
{
	struct tpm *tpm = NULL;
	int r;

	if ((r = tpm_open(cfg->tcti, &tpm)) == 0)
		r = parent_look(tpm, ret);
	tpm_close(tpm);
	return r;
}

static int
make_persistent(const struct config *cfg)
{
	struct owner_password owner = { 0 };
	struct tpm *tpm = NULL;
	int r;

	if ((r = owner_ask(cfg, &owner)) == 0 &&
	    (r = tpm_open(cfg->tcti, &tpm)) == 0 &&
	    (r = parent_make_persistent(tpm, owner.auth)) == 0)
		printf("Made the storage root key persistent at 0x%08x.\n",
		    PARENT_SRK_HANDLE);
	tpm_close(tpm);
	owner_reset(&owner);
	return r;
}

static int
set_up_parent(const struct config *cfg, bool dry_run)
{
	enum parent_state state = PARENT_ABSENT;
	int r;

	if ((r = look(cfg, &state)) != 0)
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

/* True if a line that is no comment has the word; *ret_open_end if the last
 * line has no end, and ours would become part of it. */
static bool
has_word(FILE *f, const char *word, bool *ret_open_end)
{
	char *line = NULL;
	size_t size = 0;
	bool found = false;
	ssize_t n;

	*ret_open_end = false;
	while ((n = getline(&line, &size, f)) != -1) {
		*ret_open_end = n > 0 && line[n - 1] != '\n';
		if (line[strspn(line, " \t")] != '#' &&
		    strcasestr(line, word) != NULL)
			found = true;
	}
	free(line);
	return found;
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
	int r = 0;

	if (f == NULL && !(dry_run && errno == ENOENT))
		return cannot("open", path);
	if (f != NULL)
		rewind(f);
	if (f != NULL && has_word(f, word, &open_end))
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
	return r;
}

static int
write_lines(bool dry_run)
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
	if ((r = add_lines(config, "SecurityKeyProvider", SSH_LINE, dry_run)) ==
	    0)
		r = add_lines(
		    profile, "SSH_SK_PROVIDER", PROFILE_LINE, dry_run);
out:
	free(dir);
	free(config);
	free(profile);
	return r;
}

int
command_setup(struct invocation *inv)
{
	bool dry_run = option_value(inv, OPTION_DRY_RUN) != NULL;
	int r;

	if ((r = set_up_parent(&inv->cfg, dry_run)) != 0)
		return r;
	if (option_value(inv, OPTION_WRITE) != NULL)
		return write_lines(dry_run);
	printf("\nFor ssh, in ~/.ssh/config:\n%s\nFor ssh-keygen, ssh-add and "
	       "git, in ~/.profile:\n%s",
	    SSH_LINE, PROFILE_LINE);
	return 0;
}
