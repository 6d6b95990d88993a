/* SPDX-License-Identifier: ISC */
#include <sys/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "ca/slots.h"

#define TALLY_SECONDS 60
#define ROWS_FOR_STRANGERS 60
#define ROWS_FOR_KNOWN 240

static int
open_in(const struct settings *settings, const char *name, int *ret)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", settings->runtime, name);
	*ret = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return *ret != -1 ? 0
			  : fail(FAIL_UNAVAILABLE, "cannot open %.200s: %s",
				path, strerror(errno));
}

/* Who has a slot is written in it. */
static bool
is_of(int fd, const char *party)
{
	char there[64] = "";

	return pread(fd, there, sizeof(there) - 1, 0) > 0 &&
	    strcmp(there, party) == 0;
}

static int
write_party(int fd, const char *party)
{
	const size_t len = party != NULL ? strlen(party) : 0;

	if (ftruncate(fd, 0) == 0 && pwrite(fd, party, len, 0) == (ssize_t)len)
		return 0;
	return fail(
	    FAIL_UNAVAILABLE, "cannot write a slot: %s", strerror(errno));
}

static uint32_t
quarter(uint32_t n)
{
	return (n + 3) / 4;
}

static int
find_slot(
    const struct settings *settings, enum slot_for whom, const char *party)
{
	const uint32_t n = settings->max_connections;
	const uint32_t most = whom == SLOT_FOR_KNOWN ? n : quarter(n);
	const uint32_t of_one = quarter(n) > 2 ? quarter(n) : 2;
	uint32_t theirs = 0;
	char name[32];
	int fd, mine = -1, r;

	for (uint32_t i = 0; i < most; i++) {
		/* Known ones begin with those that no stranger gets. */
		snprintf(name, sizeof(name), "slot.%u",
		    whom == SLOT_FOR_KNOWN ? n - 1 - i : i);
		if ((r = open_in(settings, name, &fd)) != 0)
			return r;
		if (flock(fd, LOCK_EX | LOCK_NB) != 0)
			theirs += party != NULL && is_of(fd, party);
		else if (mine == -1) {
			mine = fd;
			continue;
		}
		close(fd);
	}
	if (mine == -1)
		return fail(FAIL_CA_LATER, "%u others are being served", most);
	if (theirs >= of_one) {
		close(mine);
		return fail(FAIL_CA_LATER,
		    "%u connections of this one are being served", theirs);
	}
	/* It stays open, and locked, to the end of the process. */
	return write_party(mine, party);
}

/* One after the other, so that those who come at once are counted. */
int
slot_take(
    const struct settings *settings, enum slot_for whom, const char *party)
{
	int lock, r;

	if ((r = open_in(settings, "slots.lock", &lock)) != 0)
		return r;
	r = flock(lock, LOCK_EX) == 0
	    ? find_slot(settings, whom, party)
	    : fail(FAIL_UNAVAILABLE, "cannot lock the slots: %s",
		  strerror(errno));
	close(lock);
	return r;
}

/* --- counting ---------------------------------------------------------- */

/* "SECONDS COUNT", locked until it is closed. */
static int
open_tally(const struct settings *settings, const char *name, long long *since,
    unsigned int *n, int *ret)
{
	char text[64];
	ssize_t len;
	int r;

	*since = 0;
	*n = 0;
	if ((r = open_in(settings, name, ret)) != 0)
		return r;
	if (flock(*ret, LOCK_EX) == 0 &&
	    (len = pread(*ret, text, sizeof(text) - 1, 0)) > 0) {
		text[len] = '\0';
		if (sscanf(text, "%lld %u", since, n) != 2)
			*since = 0, *n = 0;
	}
	return 0;
}

static int
close_tally(
    const struct settings *settings, int fd, long long since, unsigned int n)
{
	char text[64];
	int r = 0;
	int len = snprintf(text, sizeof(text), "%lld %u\n", since, n);

	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
		r = fail(FAIL_UNAVAILABLE, "cannot count in %.200s: %s",
		    settings->runtime, strerror(errno));
	close(fd);
	return r;
}

/* A clock that was set back is no reason to be silent. */
static bool
is_over(long long since, int64_t now)
{
	return now - since >= TALLY_SECONDS || since > now;
}

int
tally_incomplete(
    const struct settings *settings, int64_t now, unsigned int *ret)
{
	long long since;
	unsigned int n;
	int fd, r;

	*ret = 0;
	if ((r = open_tally(settings, "incomplete", &since, &n, &fd)) != 0)
		return r;
	n++;
	if (is_over(since, now)) {
		*ret = n;
		since = now;
		n = 0;
	}
	return close_tally(settings, fd, since, n);
}

int
tally_refused(const struct settings *settings, bool known, int64_t now,
    bool *ret_written, unsigned int *ret_before)
{
	const unsigned int most = known ? ROWS_FOR_KNOWN : ROWS_FOR_STRANGERS;
	long long since;
	unsigned int n;
	int fd, r;

	*ret_before = 0;
	*ret_written = true;
	if ((r = open_tally(settings,
		 known ? "refused.known" : "refused.strangers", &since, &n,
		 &fd)) != 0)
		return r;
	if (is_over(since, now)) {
		*ret_before = n > most ? n - most : 0;
		since = now;
		n = 0;
	}
	n++;
	*ret_written = n <= most;
	return close_tally(settings, fd, since, n);
}
