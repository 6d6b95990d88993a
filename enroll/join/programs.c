/* SPDX-License-Identifier: ISC */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "join/join.h"
#include "join/programs.h"
#include "new-file.h"

#define OUTPUT_MAX (1024u * 1024)

const char *
program_self(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return "sk-tpm";
	path[n] = '\0';
	return path;
}

/* In the child. The unit gives its process the same group, and no other. */
static bool
become_machine(void)
{
	const struct passwd *pw = getpwnam(JOIN_ACCOUNT);
	const struct group *tss = getgrnam("tss");
	gid_t groups[2];

	if (pw == NULL)
		return false;
	groups[0] = pw->pw_gid;
	groups[1] = tss != NULL ? tss->gr_gid : pw->pw_gid;
	return setgroups(2, groups) == 0 &&
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0 &&
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0 &&
	    setenv("HOME", pw->pw_dir, 1) == 0 &&
	    setenv("USER", pw->pw_name, 1) == 0 &&
	    setenv("LOGNAME", pw->pw_name, 1) == 0 &&
	    unsetenv("SSH_AUTH_SOCK") == 0 && chdir("/") == 0;
}

static void
run_child(const char *const argv[], enum run_as as, int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    (as == RUN_AS_MACHINE_QUIETLY && dup2(null, STDERR_FILENO) == -1) ||
	    (out != -1 && dup2(out, STDOUT_FILENO) == -1) ||
	    (as != RUN_AS_OURSELVES && !become_machine())) {
		fprintf(stderr, "cannot run %s as " JOIN_ACCOUNT "\n", argv[0]);
		_exit(126);
	}
	execvp(argv[0], (char **)(uintptr_t)argv);
	fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int
read_output(int from, struct bytes *ret)
{
	char buf[8192];
	ssize_t n;
	int r;

	for (;;) {
		n = read(from, buf, sizeof(buf));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		if (ret->len + (size_t)n > OUTPUT_MAX)
			return fail(FAIL_UNAVAILABLE, "it prints too much");
		if ((r = bytes_append(ret, buf, (size_t)n)) != 0)
			return r;
	}
}

static int
wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
program_run(const char *const argv[], enum run_as as, struct bytes *ret_output,
    int *ret_status)
{
	int out[2] = { -1, -1 }, r = 0;
	pid_t pid;

	fflush(stdout);
	if (ret_output != NULL && pipe2(out, O_CLOEXEC) != 0)
		return fail(FAIL_UNAVAILABLE, "cannot make a pipe: %s",
		    strerror(errno));
	if ((pid = fork()) == 0)
		run_child(argv, as, out[1]);
	if (out[1] != -1)
		close(out[1]);
	if (pid == -1)
		r = fail(FAIL_UNAVAILABLE, "cannot run %s: %s", argv[0],
		    strerror(errno));
	else if (ret_output != NULL)
		r = read_output(out[0], ret_output);
	if (out[0] != -1)
		close(out[0]);
	*ret_status = pid != -1 ? wait_for(pid) : -1;
	if (r == 0 && (*ret_status == 126 || *ret_status == 127))
		r = fail(FAIL_UNAVAILABLE, "cannot run %s", argv[0]);
	return r;
}

int
machine_put_file(const char *path, struct slice content)
{
	struct bytes data = { 0 };
	pid_t pid;

	fflush(NULL);
	if ((pid = fork()) == 0)
		_exit(become_machine() &&
			    bytes_set(&data, content.data, content.len) == 0 &&
			    new_file_write(
				path, &data, 0600, REPLACE_EXISTING) == 0
			? 0
			: 1);
	if (pid == -1 || wait_for(pid) != 0)
		return fail(
		    FAIL_UNAVAILABLE, JOIN_ACCOUNT " cannot write %s", path);
	return 0;
}

void
machine_end_processes(void)
{
	pid_t pid;

	fflush(NULL);
	if ((pid = fork()) == 0) {
		if (become_machine())
			kill(-1, SIGKILL);
		_exit(0);
	}
	if (pid != -1)
		wait_for(pid);
}

int
program_must(const char *const argv[], enum run_as as)
{
	struct bytes output = { 0 };
	int status, r;

	if ((r = program_run(argv, as, &output, &status)) == 0 && status != 0)
		r = fail(FAIL_UNAVAILABLE, "%s failed", argv[0]);
	bytes_reset(&output);
	return r;
}
