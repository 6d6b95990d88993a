/* SPDX-License-Identifier: ISC */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

/* The environment with child->env in it; entries are borrowed. */
static char **
make_environment(const struct child *child)
{
	size_t n = 0, out = 0;
	char **env;

	while (environ[n] != NULL)
		n++;
	if ((env = calloc(n + 4, sizeof(*env))) == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		bool replaced = false;

		for (const char *const *e = child->env; *e != NULL; e++)
			replaced |=
			    strncmp(*e, environ[i], strcspn(*e, "=") + 1) == 0;
		if (!replaced)
			env[out++] = environ[i];
	}
	for (const char *const *e = child->env; *e != NULL; e++)
		env[out++] = (char *)(uintptr_t)*e;
	return env;
}

/* Since Linux 5.11; not in every C library's headers. */
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* The most that are closed one by one. The lowest free one is used first. */
#define MANY_DESCRIPTORS 65536

/*
 * ssh-sk-helper has other descriptors open, such as its socket to ssh. The
 * child gets none of them.
 */
static void
keep_descriptors_from_child(void)
{
	const int first = STDERR_FILENO + 1;
	struct rlimit limit = { .rlim_cur = MANY_DESCRIPTORS };

#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned int)first, ~0U,
		CLOSE_RANGE_CLOEXEC) == 0)
		return;
#endif
	getrlimit(RLIMIT_NOFILE, &limit);
	for (int fd = first;
	     fd < MANY_DESCRIPTORS && (rlim_t)fd < limit.rlim_cur; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int
child_spawn(const struct child *child, int input, int output, pid_t *ret)
{
	char *argv[] = { (char *)(uintptr_t)child->path,
		(char *)(uintptr_t)child->argument, NULL };
	char **env = make_environment(child);
	posix_spawn_file_actions_t actions;
	int err;

	if (env == NULL)
		return ENOMEM;
	keep_descriptors_from_child();
	posix_spawn_file_actions_init(&actions);
	if (input != -1)
		posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	else
		posix_spawn_file_actions_addopen(
		    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	err = posix_spawn(ret, child->path, &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	free(env);
	return err;
}

/* How long it takes at most to notice that the child or the caller ended. */
#define TICK_MS 20

void
child_end(pid_t pid, unsigned int grace_ms)
{
	uint64_t deadline = clock_deadline(grace_ms);

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (clock_ms_left(deadline) == 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return;
		}
		poll(NULL, 0, TICK_MS);
	}
}

/* Reads what is there. False at the end. What does not fit is thrown away. */
static bool
collect(int fd, int wait_ms, char *out, size_t size, size_t *len)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char buf[256];
	ssize_t n;

	if (poll(&pfd, 1, wait_ms) <= 0)
		return true;
	n = read(fd, buf, sizeof(buf));
	for (ssize_t i = 0; i < n && *len < size - 1; i++)
		out[(*len)++] = buf[i];
	out[*len] = '\0';
	explicit_bzero(buf, sizeof(buf));
	return n > 0;
}

/*
 * Waits for the child to end, not for its output: a child of its own may hold
 * that open, and the child may close it early. False at the deadline, and where
 * our own caller has ended.
 */
static bool
await(pid_t pid, int fd, unsigned int limit_ms, int *ret_status, char *out,
    size_t size, size_t *len)
{
	uint64_t deadline = clock_deadline(limit_ms);
	pid_t parent = getppid(), r;
	bool open = true;

	*len = 0;
	out[0] = '\0';
	while ((r = waitpid(pid, ret_status, WNOHANG)) == 0 &&
	    clock_ms_left(deadline) > 0 && getppid() == parent) {
		if (open)
			open = collect(fd, TICK_MS, out, size, len);
		else
			poll(NULL, 0, TICK_MS);
	}
	if (r == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, ret_status, 0);
		return false;
	}
	/* What it wrote last. */
	while (open && *len < size - 1) {
		size_t before = *len;

		open = collect(fd, 0, out, size, len);
		if (*len == before)
			break;
	}
	return r == pid;
}

int
child_run(const struct child *child, unsigned int seconds, int *ret_status,
    char *ret_output, size_t size, size_t *ret_len)
{
	int status = 0, fds[2], err, r = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return fail(
		    FAIL_PRESENCE, "cannot make a pipe: %s", strerror(errno));
	if ((err = child_spawn(child, -1, fds[1], &pid)) != 0)
		r = fail(FAIL_PRESENCE, "cannot run %s: %s", child->path,
		    strerror(err));
	close(fds[1]);
	if (r == 0 &&
	    await(pid, fds[0], seconds * 1000, &status, ret_output, size,
		ret_len))
		*ret_status = status;
	else if (r == 0)
		r = fail(FAIL_REFUSED, "nobody answered in time");
	close(fds[0]);
	return r;
}
