/* SPDX-License-Identifier: ISC */
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "tpm/device.h"

#define NAME_LEN 64

static void
owner_name(uid_t uid, char ret[NAME_LEN])
{
	const struct passwd *pw = getpwuid(uid);

	if (pw != NULL)
		snprintf(ret, NAME_LEN, "%s", pw->pw_name);
	else
		snprintf(ret, NAME_LEN, "%ju", (uintmax_t)uid);
}

static void
group_name(gid_t gid, char ret[NAME_LEN])
{
	const struct group *gr = getgrgid(gid);

	if (gr != NULL)
		snprintf(ret, NAME_LEN, "%s", gr->gr_name);
	else
		snprintf(ret, NAME_LEN, "%ju", (uintmax_t)gid);
}

#define MOST_GROUPS 1024

/* The person's groups by the databases, which the process may lack. */
static bool
person_is_in(gid_t gid)
{
	const struct passwd *pw = getpwuid(geteuid());
	gid_t groups[MOST_GROUPS];
	int n = MOST_GROUPS;

	if (pw == NULL || getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static bool
process_is_in(gid_t gid)
{
	gid_t groups[MOST_GROUPS];
	int n = getgroups(MOST_GROUPS, groups);

	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return getegid() == gid;
}

/* Joining the group helps only where the group may read and write. */
static int
explain_permission(const char *path)
{
	char owner[NAME_LEN], group[NAME_LEN], self[NAME_LEN];
	struct stat st;

	if (stat(path, &st) != 0)
		return fail(FAIL_PERMISSION,
		    "no permission to look for the TPM device %s: %s", path,
		    strerror(errno));
	owner_name(st.st_uid, owner);
	group_name(st.st_gid, group);
	owner_name(geteuid(), self);
	if ((st.st_mode & 0060) == 0060 && st.st_uid != geteuid() &&
	    process_is_in(st.st_gid))
		return fail(FAIL_PERMISSION,
		    "no permission on the TPM device %s, though this process "
		    "is in its group %s; a container's settings or a security "
		    "module such as SELinux forbid it",
		    path, group);
	if ((st.st_mode & 0060) == 0060 && person_is_in(st.st_gid))
		return fail(FAIL_PERMISSION,
		    "no permission on the TPM device %s: %s is in its group "
		    "%s, but this login is older than that; log in again, or "
		    "type: newgrp %s",
		    path, self, group, group);
	if ((st.st_mode & 0060) == 0060 && st.st_gid != 0)
		return fail(FAIL_PERMISSION,
		    "no permission on the TPM device %s (owner %s, group %s, "
		    "mode %04o); join its group and log in again: "
		    "sudo usermod -aG %s %s",
		    path, owner, group, st.st_mode & 07777, group, self);
	return fail(FAIL_PERMISSION,
	    "no permission on the TPM device %s (owner %s, group %s, mode "
	    "%04o), and no group to join for it; give it to group tss with "
	    "mode 0660 by a udev rule (tpm2-tss has one), then: "
	    "sudo usermod -aG tss %s",
	    path, owner, group, st.st_mode & 07777, self);
}

/* What tpm2-tss takes where its configuration is empty. */
const char *
device_or_default(const char *path)
{
	return path[0] != '\0' ? path : "/dev/tpmrm0";
}

int
device_check(const char *path)
{
	struct stat st;

	path = device_or_default(path);
	if (stat(path, &st) == 0 && !S_ISCHR(st.st_mode))
		return fail(FAIL_NO_DEVICE, "%s is not a TPM device", path);
	return 0;
}

/* Of advisory locks, see flock(2); tpm2-tss and the kernel take none. */
int
device_lock(const char *path)
{
	const struct timespec step = { .tv_nsec = 5000000 };
	uint64_t deadline = clock_deadline(10000);
	int fd;

	if ((fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)) ==
	    -1)
		return -1;
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK || clock_ms_left(deadline) == 0) {
			close(fd);
			return -1;
		}
		nanosleep(&step, NULL);
	}
	return fd;
}

/* After an open(2) that failed. */
static int
explain_open(const char *path)
{
	switch (errno) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
	case ENOTDIR:
		return fail(FAIL_NO_DEVICE, "no TPM at %s", path);
	case EACCES:
	case EPERM:
		return explain_permission(path);
	case EBUSY:
	case EAGAIN:
		return fail(FAIL_TPM_BUSY,
		    "another program holds the TPM device %s", path);
	default:
		return fail(FAIL_UNREACHABLE, "cannot open %s: %s", path,
		    strerror(errno));
	}
}

int
device_open(const char *path, int *ret)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return explain_open(path);
	*ret = fd;
	return 0;
}

int
device_explain(const char *path)
{
	int fd = -1, r;

	path = device_or_default(path);
	if ((r = device_open(path, &fd)) != 0)
		return r;
	close(fd);
	return fail(FAIL_UNREACHABLE,
	    "%s opens but does not answer as a TPM does", path);
}
