/* SPDX-License-Identifier: ISC */
/*
 * sk-tpm-ca rotate: a CA's key gives way to the next. First the next one is
 * made and handed out beside the old one; when everybody has it, it signs. The
 * old one is handed out for as long as one of its certificates is valid.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "ca/ca-key-files.h"
#include "ca/public-key.h"

struct rotating {
	enum certificate_type type;
	const char *what; /* "user" or "host" */
	struct ca_key_files current, next;
	char fingerprint[STORE_FINGERPRINT_LEN + 1]; /* of the current key */
};

static int
print_fingerprint(const char *words, const char *path)
{
	char fingerprint[STORE_FINGERPRINT_LEN + 1];
	struct bytes blob = { 0 };
	int r;

	if ((r = public_key_read(path, &blob)) == 0 &&
	    (r = public_key_fingerprint(bytes_slice(&blob), fingerprint)) == 0)
		printf("%s: %s\n", words, fingerprint);
	bytes_reset(&blob);
	return r;
}

static int
print_current(const struct rotating *t)
{
	return print_fingerprint(
	    t->type == CERTIFICATE_HOST ? "CA of hosts" : "CA of users",
	    t->current.public);
}

/* --- the audit log ----------------------------------------------------- */

/* Also of what the store has: a stolen key is no key any more. */
static int
revoke_within(struct ca_invocation *inv, struct audit_event *event, void *arg)
{
	const struct rotating *t = arg;

	if (!inv->options.stolen)
		return 0;
	event->fingerprint = t->fingerprint;
	return store_revoke_key(
	    inv->store, t->fingerprint, "the CA's key was stolen", time(NULL));
}

/* The row comes first: what fails after it was meant, and may be repeated. */
static int
tell(struct ca_invocation *inv, struct rotating *t, const char *text)
{
	struct audit_event event = {
		.what = "rotate",
		.type = t->what,
		.text = text,
	};

	return ca_commit(inv, revoke_within, &event, t);
}

/* --- announcing -------------------------------------------------------- */

static int
count_machine(const struct store_machine *machine, void *arg)
{
	unsigned int *n = arg;

	*n += machine->state == STORE_MACHINE_ENABLED;
	return 0;
}

static int
print_progress(struct ca_invocation *inv, const struct rotating *t)
{
	unsigned int machines = 0;
	struct stat st;
	size_t n;
	int r;

	if (stat(t->next.public, &st) != 0)
		return fail(FAIL_UNAVAILABLE, "cannot read %s: %s",
		    t->next.public, strerror(errno));
	if ((r = store_machines_each(inv->store, count_machine, &machines)) !=
		0 ||
	    (r = store_machines_since(inv->store, st.st_mtime + 1, &n)) != 0 ||
	    (r = print_fingerprint("The next key", t->next.public)) != 0)
		return r;
	printf("Of %u machines, %zu had a certificate since it is handed out.\n"
	       "When all have it that keep the CA's keys: sk-tpm-ca rotate %s "
	       "--switch\n",
	    machines, n, t->what);
	return 0;
}

static int
announce(struct ca_invocation *inv, struct rotating *t)
{
	int r;

	if (ca_key_is_there(&t->next))
		return 0;
	if ((r = tell(inv, t, "the next key is made, and handed out")) != 0)
		return r;
	return ca_key_make(
	    inv, &t->next, t->type == CERTIFICATE_HOST ? "host CA" : "user CA");
}

/* --- switching --------------------------------------------------------- */

static int
move(const char *from, const char *to)
{
	if (from[0] == '\0' || rename(from, to) == 0 || errno == ENOENT)
		return 0;
	return fail(FAIL_UNAVAILABLE, "cannot rename %s to %s: %s", from, to,
	    strerror(errno));
}

/* A name that no key before has. */
static void
find_old(const struct ca_invocation *inv, const struct rotating *t,
    struct ca_key_files *ret)
{
	char number[16];
	unsigned int n = 0;

	do {
		snprintf(number, sizeof(number), "%u", ++n);
		ca_key_files(&inv->settings, t->type, number, ret);
	} while (access(ret->public, F_OK) == 0);
}

/* What the renames have begun, and not ended: the public part is missing. */
static bool
is_half_done(const struct rotating *t)
{
	return access(t->current.public, F_OK) != 0 &&
	    access(t->next.public, F_OK) == 0;
}

/* A power cut does not bring back what was there before. */
static int
sync_directory(const char *file)
{
	char directory[PATH_MAX];
	char *slash;
	int fd, r = 0;

	snprintf(directory, sizeof(directory), "%s", file);
	if ((slash = strrchr(directory, '/')) != NULL)
		slash[slash == directory] = '\0';
	fd = open(slash != NULL ? directory : ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || fsync(fd) != 0)
		r = fail(FAIL_UNAVAILABLE,
		    "cannot sync the directory of %s: %s", file,
		    strerror(errno));
	if (fd != -1)
		close(fd);
	return r;
}

/*
 * Whoever signs in between finds a part missing and says that the CA is not
 * available. Killed in between, it is ended by being run again: as long as the
 * next private part has its old name, what is in its place is the old one.
 */
static int
switch_files(const struct ca_invocation *inv, const struct rotating *t)
{
	const char *mark =
	    t->next.private[0] != '\0' ? t->next.private : t->next.public;
	struct ca_key_files old;
	int r;

	if (access(mark, F_OK) == 0) {
		find_old(inv, t, &old);
		if ((r = move(t->current.private, old.private)) != 0 ||
		    (r = move(t->current.public, old.public)) != 0 ||
		    (r = move(t->next.private, t->current.private)) != 0)
			return r;
	}
	if ((r = move(t->next.public, t->current.public)) != 0)
		return r;
	return sync_directory(t->current.public);
}

/* The row, and what is in the store, were there before the first rename. */
static int
end_switch(const struct ca_invocation *inv, const struct rotating *t)
{
	int r = switch_files(inv, t);

	if (r == 0)
		puts("A change that was begun is ended.");
	return r != 0 ? r : print_current(t);
}

static int
switch_over(struct ca_invocation *inv, struct rotating *t)
{
	int r;

	if (access(t->next.public, F_OK) != 0)
		return fail(FAIL_UNAVAILABLE,
		    "there is no next key: sk-tpm-ca rotate %s makes it, and "
		    "hands it out",
		    t->what);
	if ((r = tell(inv, t,
		 inv->options.stolen ? "the key was stolen: the next one signs"
				     : "the next key signs")) != 0 ||
	    (r = switch_files(inv, t)) != 0)
		return r;
	return print_current(t);
}

/* --- all of it --------------------------------------------------------- */

static int
find_keys(struct ca_invocation *inv, struct rotating *t)
{
	struct bytes blob = { 0 };
	int r;

	t->what = inv->argv[0];
	if (!certificate_type_parse(t->what, &t->type))
		return fail(
		    FAIL_ARGUMENT, "\"%.100s\" is not user or host", t->what);
	if (settings_ca_key(&inv->settings, t->type) == NULL)
		return fail(FAIL_ARGUMENT, "%s has no %s", inv->options.config,
		    t->type == CERTIFICATE_HOST ? "HostCAKey" : "UserCAKey");
	ca_key_files(&inv->settings, t->type, "", &t->current);
	ca_key_files(&inv->settings, t->type, "next", &t->next);
	if (!inv->options.stolen || is_half_done(t))
		return 0;
	if ((r = public_key_read(t->current.public, &blob)) == 0)
		r = public_key_fingerprint(bytes_slice(&blob), t->fingerprint);
	bytes_reset(&blob);
	return r;
}

int
ca_rotate(struct ca_invocation *inv)
{
	const struct ca_options *o = &inv->options;
	struct rotating t = { 0 };
	int r;

	if (o->now + o->change_over + o->stolen > 1)
		return fail(FAIL_ARGUMENT,
		    "rotate takes one of --switch, --now and --stolen");
	if ((r = find_keys(inv, &t)) != 0)
		return r;
	if (is_half_done(&t))
		return end_switch(inv, &t);
	if (!o->change_over && (r = announce(inv, &t)) != 0)
		return r;
	if (o->change_over || o->now || o->stolen)
		return switch_over(inv, &t);
	return print_progress(inv, &t);
}
