/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cbor.h"
#include "base/error.h"
#include "base/log.h"
#include "base/sha256.h"
#include "user/pin-ticket.h"

#define VERSION 1
#define SECONDS_MAX 0x7fffffff
#define FILE_MAX_LEN 512
#define DIRECTORY "sk-tpm"
#define SUFFIX ".ticket"
#define READ_TRIES 50 /* of one that is replaced meanwhile */

/* Hashed with its terminating zero. */
#define NAME_DOMAIN "sk-tpm PIN ticket v1"

static const struct slice magic = { (const uint8_t *)"sk-tpm-ticket", 13 };

enum {
	ENTRY_MAGIC,
	ENTRY_VERSION,
	ENTRY_MADE,
	ENTRY_SECONDS,
	ENTRY_TPM,
	N_ENTRIES,
};

/* --- the format -------------------------------------------------------- */

int
pin_ticket_encode(const struct pin_ticket *ticket, struct bytes *ret)
{
	struct bytes out = { 0 };
	int r;

	if ((r = cbor_put_map(&out, N_ENTRIES)) == 0 &&
	    (r = cbor_put_entry_text(&out, ENTRY_MAGIC, magic)) == 0 &&
	    (r = cbor_put_entry_uint(&out, ENTRY_VERSION, VERSION)) == 0 &&
	    (r = cbor_put_entry_uint(&out, ENTRY_MADE, ticket->made)) == 0 &&
	    (r = cbor_put_entry_uint(&out, ENTRY_SECONDS, ticket->seconds)) ==
		0 &&
	    (r = cbor_put_entry_bytes(
		 &out, ENTRY_TPM, bytes_slice(&ticket->tpm))) == 0)
		bytes_move(&out, ret);
	bytes_reset(&out);
	return r;
}

int
pin_ticket_decode(struct slice in, struct pin_ticket *ret)
{
	struct pin_ticket ticket = { 0 };
	struct slice rest = in, text, tpm;
	uint64_t entries, version, seconds;
	struct bytes again = { 0 };
	int r;

	if (!cbor_take_map(&rest, &entries) ||
	    !cbor_take_entry_text(&rest, ENTRY_MAGIC, &text) ||
	    !slice_equal(text, magic) ||
	    !cbor_take_entry_uint(&rest, ENTRY_VERSION, &version) ||
	    version != VERSION ||
	    !cbor_take_entry_uint(&rest, ENTRY_MADE, &ticket.made) ||
	    !cbor_take_entry_uint(&rest, ENTRY_SECONDS, &seconds) ||
	    seconds == 0 || seconds > SECONDS_MAX ||
	    !cbor_take_entry_bytes(&rest, ENTRY_TPM, &tpm) || tpm.len == 0 ||
	    tpm.len > PIN_TICKET_MAX)
		return fail(FAIL_ARGUMENT, "not a PIN's ticket");
	ticket.seconds = (uint32_t)seconds;
	if ((r = bytes_set(&ticket.tpm, tpm.data, tpm.len)) != 0 ||
	    (r = pin_ticket_encode(&ticket, &again)) != 0)
		goto out;
	/* As with key handles, that settles what is left. */
	if (!slice_equal(bytes_slice(&again), in)) {
		r = fail(FAIL_ARGUMENT, "not our encoding of a PIN's ticket");
		goto out;
	}
	*ret = ticket;
	ticket = (struct pin_ticket){ 0 };
out:
	bytes_reset(&again);
	pin_ticket_reset(&ticket);
	return r;
}

void
pin_ticket_reset(struct pin_ticket *ticket)
{
	bytes_reset(&ticket->tpm);
	*ticket = (struct pin_ticket){ 0 };
}

uint64_t
pin_ticket_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec;
}

/* --- the directory ----------------------------------------------------- */

/*
 * A directory of the caller's that nobody else may enter. Root may be there
 * with somebody else's environment: what is in their directory is theirs to
 * write.
 */
static int
open_private(int at, const char *path)
{
	int fd =
	    openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    (st.st_mode & 077) == 0)
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

enum missing_directory {
	DIRECTORY_LEAVE,
	DIRECTORY_MAKE,
};

/* -1 with errno set, to ENOENT where there is nothing. */
static int
open_directory(enum missing_directory missing)
{
	const char *path = secure_getenv("XDG_RUNTIME_DIR");
	int runtime, fd;

	if (path == NULL || path[0] != '/') {
		errno = ENOENT;
		return -1;
	}
	if ((runtime = open_private(AT_FDCWD, path)) == -1)
		return -1;
	if (missing == DIRECTORY_MAKE)
		(void)mkdirat(runtime, DIRECTORY, 0700);
	fd = open_private(runtime, DIRECTORY);
	close(runtime);
	return fd;
}

struct name {
	char s[2 * SHA256_LEN + sizeof(SUFFIX)];
};

static int
name_of(const uint8_t binding[PIN_TICKET_BINDING_LEN], struct name *ret)
{
	uint8_t in[sizeof(NAME_DOMAIN) + PIN_TICKET_BINDING_LEN];
	uint8_t digest[SHA256_LEN];
	int r;

	memcpy(in, NAME_DOMAIN, sizeof(NAME_DOMAIN));
	memcpy(in + sizeof(NAME_DOMAIN), binding, PIN_TICKET_BINDING_LEN);
	if ((r = sha256((struct slice){ in, sizeof(in) }, digest)) != 0)
		return r;
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(ret->s + 2 * i, 3, "%02x", digest[i]);
	memcpy(ret->s + 2 * SHA256_LEN, SUFFIX, sizeof(SUFFIX));
	return 0;
}

static bool
write_all(int fd, struct slice s)
{
	ssize_t n;

	while (s.len > 0 && (n = write(fd, s.data, s.len)) > 0) {
		s.data += n;
		s.len -= (size_t)n;
	}
	return s.len == 0;
}

/* A file that has no other name, by which it may be something else. */
static bool
has_one_name(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_nlink == 1;
}

/* To be wiped; -1 where it has another name as well, or is no file. */
static int
open_to_wipe(int dir, const char *name)
{
	int fd = openat(dir, name,
	    O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd == -1 || (fstat(fd, &st) == 0 && has_one_name(&st)))
		return fd;
	close(fd);
	return -1;
}

/* It was in memory alone, as XDG_RUNTIME_DIR is. */
static void
write_zeros(int fd)
{
	static const uint8_t zeros[FILE_MAX_LEN];

	if (fd == -1)
		return;
	if (!write_all(fd, (struct slice){ zeros, sizeof(zeros) }))
		log_debug("a ticket was not wiped");
	close(fd);
}

static bool
wipe(int dir, const char *name)
{
	write_zeros(open_to_wipe(dir, name));
	return unlinkat(dir, name, 0) == 0 || errno == ENOENT;
}

/* --- one ticket -------------------------------------------------------- */

/*
 * A file of the caller's that nobody else may read or write. *ret_replaced
 * tells whether it was replaced, and wiped, meanwhile.
 */
static bool
read_file(int dir, const char *name, struct pin_ticket *ret, bool *ret_replaced)
{
	int fd = openat(dir, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	uint8_t buf[FILE_MAX_LEN];
	struct stat st = { 0 };
	ssize_t n = -1;
	bool ok = false;

	*ret_replaced = false;
	if (fd == -1)
		return false;
	if (fstat(fd, &st) == 0 && has_one_name(&st) &&
	    st.st_uid == geteuid() && (st.st_mode & 0177) == 0)
		n = read(fd, buf, sizeof(buf));
	*ret_replaced = fstat(fd, &st) == 0 && st.st_nlink == 0;
	close(fd);
	if (n > 0)
		ok = pin_ticket_decode((struct slice){ buf, (size_t)n }, ret) ==
		    0;
	explicit_bzero(buf, sizeof(buf));
	return ok;
}

static bool
is_over(const struct pin_ticket *ticket, uint32_t at_most)
{
	uint32_t seconds =
	    ticket->seconds < at_most ? ticket->seconds : at_most;
	uint64_t now = pin_ticket_now();

	return now < ticket->made || now - ticket->made >= seconds;
}

bool
pin_ticket_find(const uint8_t binding[PIN_TICKET_BINDING_LEN], uint32_t at_most,
    struct pin_ticket *ret)
{
	struct pin_ticket ticket = { 0 };
	bool found = false, read = false, replaced = true;
	struct name name;
	int dir;

	if (name_of(binding, &name) != 0 ||
	    (dir = open_directory(DIRECTORY_LEAVE)) == -1)
		return false;
	for (int i = 0; i < READ_TRIES && !read && replaced; i++)
		read = read_file(dir, name.s, &ticket, &replaced);
	if (read && !is_over(&ticket, at_most)) {
		*ret = ticket;
		found = true;
	} else {
		pin_ticket_reset(&ticket);
		if (!wipe(dir, name.s))
			log_debug("a ticket was not deleted");
	}
	close(dir);
	return found;
}

/* Under a name of its own, until it is whole. */
static bool
write_file(int dir, const char *name, struct slice content)
{
	char new_name[sizeof(struct name) + 32];
	int fd, old;
	bool ok;

	snprintf(new_name, sizeof(new_name), "%s.%ld", name, (long)getpid());
	if (!wipe(dir, new_name) ||
	    (fd = openat(dir, new_name,
		 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) ==
		-1)
		return false;
	ok = write_all(fd, content);
	ok = close(fd) == 0 && ok;
	/* Who reads meanwhile finds one of them whole. */
	old = open_to_wipe(dir, name);
	ok = ok && renameat(dir, new_name, dir, name) == 0;
	if (ok)
		write_zeros(old);
	else {
		if (old != -1)
			close(old);
		(void)wipe(dir, new_name);
	}
	return ok;
}

void
pin_ticket_keep(const uint8_t binding[PIN_TICKET_BINDING_LEN],
    const struct pin_ticket *ticket)
{
	struct bytes content = { 0 };
	struct name name;
	int dir;

	if ((dir = open_directory(DIRECTORY_MAKE)) == -1) {
		log_debug(
		    "no XDG_RUNTIME_DIR for tickets: %s", strerror(errno));
		return;
	}
	if (name_of(binding, &name) != 0 ||
	    pin_ticket_encode(ticket, &content) != 0 ||
	    !write_file(dir, name.s, bytes_slice(&content)))
		log_debug("the ticket is not kept: %s", strerror(errno));
	bytes_reset(&content);
	close(dir);
}

static int
directory_fail(void)
{
	return fail(FAIL_ARGUMENT,
	    "the directory of tickets in XDG_RUNTIME_DIR cannot be used: %s; "
	    "tickets in it still count until their time is over",
	    strerror(errno));
}

static int
delete_fail(const char *name)
{
	return fail(FAIL_ARGUMENT,
	    "cannot delete %s in XDG_RUNTIME_DIR: %s; it still counts until "
	    "its time is over",
	    name, strerror(errno));
}

int
pin_ticket_forget(const uint8_t binding[PIN_TICKET_BINDING_LEN])
{
	struct name name;
	int dir, r;

	if ((r = name_of(binding, &name)) != 0)
		return r;
	if ((dir = open_directory(DIRECTORY_LEAVE)) == -1)
		return errno == ENOENT ? 0 : directory_fail();
	if (!wipe(dir, name.s))
		r = delete_fail(name.s);
	close(dir);
	return r;
}

int
pin_ticket_forget_all(unsigned int *ret_n)
{
	int fd = open_directory(DIRECTORY_LEAVE), r = 0;
	const struct dirent *entry;
	unsigned int n = 0;
	DIR *dir;

	if (fd == -1 && errno == ENOENT) {
		*ret_n = 0;
		return 0;
	}
	if (fd == -1 || (dir = fdopendir(fd)) == NULL) {
		r = directory_fail();
		if (fd != -1)
			close(fd);
		return r;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strstr(entry->d_name, SUFFIX) == NULL)
			continue;
		if (wipe(fd, entry->d_name))
			n++;
		else
			r = delete_fail(entry->d_name);
	}
	closedir(dir);
	if (r == 0)
		*ret_n = n;
	return r;
}
