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

int
slot_take(const struct settings *settings, enum slot_for whom)
{
	const uint32_t n = settings->max_connections;
	const uint32_t most = whom == SLOT_FOR_KNOWN ? n : (n + 3) / 4;
	char name[32];
	int fd, r;

	for (uint32_t i = 0; i < most; i++) {
		/* Known ones begin with those that no stranger gets. */
		snprintf(name, sizeof(name), "slot.%u",
		    whom == SLOT_FOR_KNOWN ? n - 1 - i : i);
		if ((r = open_in(settings, name, &fd)) != 0)
			return r;
		/* It stays open, and locked, to the end of the process. */
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		close(fd);
	}
	return fail(FAIL_CA_LATER, "%u others are being served", most);
}

int
tally_incomplete(
    const struct settings *settings, int64_t now, unsigned int *ret)
{
	long long since = 0;
	unsigned int n = 0;
	char text[64];
	ssize_t len;
	int fd, r;

	*ret = 0;
	if ((r = open_in(settings, "incomplete", &fd)) != 0)
		return r;
	if (flock(fd, LOCK_EX) == 0 &&
	    (len = pread(fd, text, sizeof(text) - 1, 0)) > 0) {
		text[len] = '\0';
		if (sscanf(text, "%lld %u", &since, &n) != 2)
			since = 0, n = 0;
	}
	n++;
	/* A clock that was set back is no reason to be silent. */
	if (now - since >= TALLY_SECONDS || since > now) {
		*ret = n;
		since = now;
		n = 0;
	}
	len = snprintf(text, sizeof(text), "%lld %u\n", since, n);
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
		r = fail(FAIL_UNAVAILABLE, "cannot count in %.200s: %s",
		    settings->runtime, strerror(errno));
	close(fd);
	return r;
}
