/* SPDX-License-Identifier: ISC */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "join/join.h"
#include "join/programs.h"
#include "new-file.h"

#define OUTPUT_MAX (1024u * 1024)
#define SAID_LINES_MAX 200
/* A renewal asks several CAs, one after the other. */
#define RUNS_FOR_MS (15 * 60 * 1000)
#define QUIETLY_MS (60 * 1000)

static void
close_fd(int fd)
{
	if (fd != -1)
		close(fd);
}

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

/*
 * Away from our terminal: who has it could type there, in our name. In a
 * session of its own it can be ended with all that it started.
 */
static bool
begin_machine(void)
{
	return setsid() != -1 && become_machine();
}

static void
run_child(const char *const argv[], enum run_as as, int out, int err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    (as == RUN_AS_MACHINE_QUIETLY && dup2(null, STDERR_FILENO) == -1) ||
	    (as == RUN_AS_MACHINE && dup2(err, STDERR_FILENO) == -1) ||
	    (out != -1 && dup2(out, STDOUT_FILENO) == -1) ||
	    (as != RUN_AS_OURSELVES && !begin_machine())) {
		fprintf(stderr, "cannot run %s as " JOIN_ACCOUNT "\n", argv[0]);
		_exit(126);
	}
	execvp(argv[0], (char **)(uintptr_t)argv);
	fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* --- what it prints ---------------------------------------------------- */

/* What the account says, or a CA has it say, is shown as its own. */
struct said {
	char line[256];
	size_t len;
	unsigned int lines;
};

static void
say_line(struct said *said)
{
	struct text t = { 0 };

	if (said->len > 0 && said->lines++ < SAID_LINES_MAX) {
		text_add_escaped(&t,
		    (struct slice){ (const uint8_t *)said->line, said->len },
		    200);
		fprintf(stderr, JOIN_ACCOUNT ": %s\n", t.s);
	}
	said->len = 0;
}

static void
relay(struct said *said, const char *buf, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (buf[i] == '\n')
			say_line(said);
		else if (buf[i] != '\r' && said->len < sizeof(said->line))
			said->line[said->len++] = buf[i];
	}
}

/* Both to their ends, or to the deadline. -1: there is none. */
static int
read_both(int out, int err, uint64_t deadline, struct bytes *ret)
{
	struct pollfd pfds[2] = { { .fd = out, .events = POLLIN },
		{ .fd = err, .events = POLLIN } };
	struct said said = { 0 };
	char buf[8192];
	ssize_t n;
	int r = 0;

	while (r == 0 && (pfds[0].fd != -1 || pfds[1].fd != -1)) {
		if (poll(pfds, 2, clock_ms_left(deadline)) == -1 &&
		    errno == EINTR)
			continue;
		if (clock_ms_left(deadline) == 0) {
			r = fail(FAIL_UNAVAILABLE, "it takes too long");
			break;
		}
		for (int i = 0; i < 2 && r == 0; i++) {
			if (pfds[i].fd == -1 || pfds[i].revents == 0)
				continue;
			n = read(pfds[i].fd, buf, sizeof(buf));
			if (n <= 0)
				pfds[i].fd = -1;
			else if (i == 1)
				relay(&said, buf, (size_t)n);
			else if (ret->len + (size_t)n > OUTPUT_MAX)
				r = fail(
				    FAIL_UNAVAILABLE, "it prints too much");
			else
				r = bytes_append(ret, buf, (size_t)n);
		}
	}
	say_line(&said);
	return r;
}

/* Whatever it does, it has ended at the deadline. */
static int
wait_for(pid_t pid, enum run_as as, uint64_t deadline)
{
	int status = 0;
	pid_t ended;

	while ((ended = waitpid(pid, &status, WNOHANG)) == 0 &&
	    clock_ms_left(deadline) > 0)
		poll(NULL, 0, 5);
	if (ended == 0) {
		kill(as == RUN_AS_OURSELVES ? pid : -pid, SIGKILL);
		kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
			;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
program_run(const char *const argv[], enum run_as as, struct bytes *ret_output,
    int *ret_status)
{
	const uint64_t deadline = clock_deadline(
	    as == RUN_AS_MACHINE_QUIETLY ? QUIETLY_MS : RUNS_FOR_MS);
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, r = 0;
	pid_t pid = -1;

	fflush(stdout);
	if ((ret_output != NULL && pipe2(out, O_CLOEXEC) != 0) ||
	    (as == RUN_AS_MACHINE && pipe2(err, O_CLOEXEC) != 0))
		r = fail(FAIL_UNAVAILABLE, "cannot make a pipe: %s",
		    strerror(errno));
	else if ((pid = fork()) == 0)
		run_child(argv, as, out[1], err[1]);
	else if (pid == -1)
		r = fail(FAIL_UNAVAILABLE, "cannot run %s: %s", argv[0],
		    strerror(errno));
	close_fd(out[1]);
	close_fd(err[1]);
	if (r == 0)
		r = read_both(out[0], err[0], deadline, ret_output);
	close_fd(out[0]);
	close_fd(err[0]);
	/* One that said too much, or nothing for too long, is not waited for.
	 */
	*ret_status = pid != -1 ? wait_for(pid, as, r == 0 ? deadline : 0) : -1;
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
		_exit(begin_machine() &&
			    bytes_set(&data, content.data, content.len) == 0 &&
			    new_file_write(
				path, &data, 0600, REPLACE_EXISTING) == 0
			? 0
			: 1);
	if (pid == -1 ||
	    wait_for(pid, RUN_AS_MACHINE, clock_deadline(QUIETLY_MS)) != 0)
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
		if (begin_machine())
			kill(-1, SIGKILL);
		_exit(0);
	}
	if (pid != -1)
		wait_for(pid, RUN_AS_MACHINE, clock_deadline(QUIETLY_MS));
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
