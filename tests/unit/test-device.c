/* SPDX-License-Identifier: ISC */
/* What a person is told whose TPM device cannot be opened. */
#include "unit.h"

#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fcntl.h>
#include <time.h>

#include "base/error.h"
#include "base/log.h"
#include "tpm/device.h"

#define NOBODY 65534

static char dir[] = "/tmp/sk-tpm-device.XXXXXX";

/* Without root's rights, where we have them. */
static int
explain(const char *path)
{
	const bool root = geteuid() == 0;
	int r;

	if (root)
		assert_int_equal(seteuid(NOBODY), 0);
	r = device_explain(path);
	if (root)
		assert_int_equal(seteuid(0), 0);
	return r;
}

/* What it says of `path`, which has to be of that kind. */
static const char *
words(const char *path, int kind)
{
	int r = explain(path);

	assert_int_equal(r, kind);
	return STDERR_OF(log_failure(r));
}

static const char *
below(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
make_file(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(path, mode), 0);
}

static void
test_absent(void **state)
{
	const char *out;

	(void)state;
	out = words(below("none"), FAIL_NO_DEVICE);
	assert_non_null(strstr(out, "no TPM at /tmp/"));
	make_file(below("file"), 0666);
	words(below("file/below"), FAIL_NO_DEVICE);
}

/* As another system's device that is passed into a container. */
static void
test_owner_without_a_name(void **state)
{
	const char *path = below("foreign"), *out;

	(void)state;
	if (geteuid() != 0)
		return; /* who cannot give a file away */
	make_file(path, 0060);
	assert_int_equal(chown(path, 54321, 54322), 0);
	out = words(path, FAIL_PERMISSION);
	assert_non_null(strstr(out, "(owner 54321, group 54322, mode 0060)"));
	assert_non_null(strstr(out, "usermod -aG 54322 "));
	assert_int_equal(chmod(path, 0600), 0);
	out = words(path, FAIL_PERMISSION);
	assert_non_null(strstr(out, "no group to join for it"));
}

/* nobody's group by the password database; this process is not in it. */
static void
test_group_joined_after_the_login(void **state)
{
	const char *path = below("joined"), *out;

	(void)state;
	if (geteuid() != 0)
		return; /* whose process is in all groups that it could name */
	make_file(path, 0060);
	assert_int_equal(chown(path, 0, NOBODY), 0);
	out = words(path, FAIL_PERMISSION);
	assert_non_null(strstr(out, "; log in again, or type: newgrp "));
	assert_null(strstr(out, "usermod"));
}

/* No device opens on a file system that is mounted with nodev. */
static void
test_group_does_not_help(void **state)
{
	char mounted[128];
	const char *path, *out;

	(void)state;
	snprintf(mounted, sizeof(mounted), "%s", below("nodev"));
	assert_int_equal(mkdir(mounted, 0711), 0);
	if (mount("none", mounted, "tmpfs", MS_NODEV, "mode=711") != 0)
		return; /* who is not root, or is confined */
	path = below("nodev/tpm");
	assert_int_equal(mknod(path, S_IFCHR, makedev(10, 224)), 0);
	assert_int_equal(chmod(path, 0060), 0);
	assert_int_equal(chown(path, 0, getegid()), 0);
	out = words(path, FAIL_PERMISSION);
	assert_int_equal(umount2(mounted, MNT_DETACH), 0);
	assert_non_null(strstr(out, "though this process is in its group"));
	assert_null(strstr(out, "usermod"));
}

static void
test_directory_that_may_not_be_searched(void **state)
{
	char closed[128];
	const char *out;

	(void)state;
	snprintf(closed, sizeof(closed), "%s", below("closed"));
	assert_int_equal(mkdir(closed, 0700), 0);
	make_file(below("closed/device"), 0666);
	assert_int_equal(chmod(closed, 0), 0);
	out = words(below("closed/device"), FAIL_PERMISSION);
	assert_non_null(
	    strstr(out, "no permission to look for the TPM device"));
	assert_int_equal(chmod(closed, 0700), 0);
}

/* A terminal is a device that can be had for oneself, as /dev/tpm0 is. */
static void
test_held_by_another(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	const char *name, *out;

	(void)state;
	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	assert_non_null(name = ptsname(master));
	assert_true((slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
	assert_int_equal(chmod(name, 0666), 0);
	assert_int_equal(device_check(name), 0);
	words(name, FAIL_UNREACHABLE);
	assert_int_equal(ioctl(slave, TIOCEXCL), 0);
	out = words(name, FAIL_TPM_BUSY);
	assert_non_null(strstr(out, "another program holds the TPM device"));
	close(slave);
	close(master);
}

static void
test_any_other_reason(void **state)
{
	const char *path = below("loop"), *out;

	(void)state;
	assert_int_equal(symlink("loop", path), 0);
	out = words(path, FAIL_UNREACHABLE);
	assert_non_null(strstr(out, "cannot open "));
	assert_non_null(strstr(out, "symbolic links"));
}

int __wrap_nanosleep(const struct timespec *wait, struct timespec *left);

static int held_by_other = -1; /* until somebody waits for it */
static unsigned int waits;

int
__wrap_nanosleep(const struct timespec *wait, struct timespec *left)
{
	(void)wait;
	(void)left;
	if (++waits == 3) {
		close(held_by_other);
		held_by_other = -1;
	}
	return 0;
}

/* As two of us do that try a PIN each. */
static void
test_locked_one_at_a_time(void **state)
{
	const char *path = below("lock");
	int lock;

	(void)state;
	make_file(path, 0600);
	held_by_other = device_lock(path);
	assert_int_not_equal(held_by_other, -1);
	assert_int_equal(waits, 0);
	lock = device_lock(path);
	assert_int_not_equal(lock, -1);
	assert_int_equal(waits, 3);
	assert_int_equal(held_by_other, -1);
	close(lock);
	assert_int_equal(device_lock(below("none")), -1);
}

#define TEST_NAME "device"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_owner_without_a_name),
		cmocka_unit_test(test_group_joined_after_the_login),
		cmocka_unit_test(test_group_does_not_help),
		cmocka_unit_test(test_directory_that_may_not_be_searched),
		cmocka_unit_test(test_held_by_another),
		cmocka_unit_test(test_any_other_reason),
		cmocka_unit_test(test_locked_one_at_a_time),
	};
	static const char *const made[] = { "file", "foreign", "closed/device",
		"loop", "lock" };
	int failed;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	failed = RUN(tests);
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		unlink(below(made[i]));
	rmdir(below("closed"));
	rmdir(dir);
	return failed;
}
