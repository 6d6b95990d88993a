/* SPDX-License-Identifier: ISC */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "error.h"
#include "log.h"

/* How long a child has between closing its output and ending, in steps. */
#define STEP_MS 10

static bool
names_same_variable(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return strncmp(a, b, n + 1) == 0;
}

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
			replaced |= names_same_variable(*e, environ[i]);
		if (!replaced)
			env[out++] = environ[i];
	}
	for (const char *const *e = child->env; *e != NULL; e++)
		env[out++] = (char *)(uintptr_t)*e;
	return env;
}

static int
spawn(const struct child *child, int output, pid_t *ret)
{
	char *argv[] = { (char *)(uintptr_t)child->path,
		(char *)(uintptr_t)child->argument, NULL };
	char **env = make_environment(child);
	posix_spawn_file_actions_t actions;
	int err;

	if (env == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(
	    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	err = posix_spawn(ret, child->path, &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	free(env);
	if (err != 0)
		return fail(FAIL_PRESENCE, "cannot run %s: %s", child->path,
		    strerror(err));
	return 0;
}

static int
elapsed_ms(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int)((now.tv_sec - start->tv_sec) * 1000 +
	    (now.tv_nsec - start->tv_nsec) / 1000000);
}

/* True when its output ended in time. What does not fit is thrown away. */
static bool
collect(
    int fd, const struct timespec *start, int limit_ms, char *out, size_t size)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	char buf[256];
	ssize_t n;
	int left;

	out[0] = '\0';
	while ((left = limit_ms - elapsed_ms(start)) > 0) {
		if (poll(&pfd, 1, left) <= 0)
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			return true;
		for (ssize_t i = 0; i < n && len < size - 1; i++)
			out[len++] = buf[i];
		out[len] = '\0';
	}
	return false;
}

/* True when it ended in time; else it is killed, and collected too. */
static bool
await(pid_t pid, const struct timespec *start, int limit_ms, int *ret_status)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	pid_t r;

	while ((r = waitpid(pid, ret_status, WNOHANG)) == 0 &&
	    elapsed_ms(start) < limit_ms)
		nanosleep(&step, NULL);
	if (r == pid)
		return true;
	kill(pid, SIGKILL);
	waitpid(pid, ret_status, 0);
	return false;
}

int
child_run(const struct child *child, unsigned int seconds, int *ret_status,
    char *ret_output, size_t size)
{
	int limit_ms = (int)seconds * 1000, status = 0, fds[2], r;
	struct timespec start;
	bool in_time;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return fail(
		    FAIL_PRESENCE, "cannot make a pipe: %s", strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &start);
	r = spawn(child, fds[1], &pid);
	close(fds[1]);
	if (r == 0) {
		in_time = collect(fds[0], &start, limit_ms, ret_output, size);
		if (!in_time)
			limit_ms = 0;
		in_time &= await(pid, &start, limit_ms, &status);
		if (in_time)
			*ret_status = status;
		else
			r = fail(FAIL_REFUSED, "nobody answered in time");
	}
	close(fds[0]);
	return r;
}
