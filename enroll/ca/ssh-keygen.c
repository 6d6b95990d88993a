/* SPDX-License-Identifier: ISC */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "ca/ssh-keygen.h"

/* A token may be slow, and a TPM busy. */
#define RUNS_FOR_MS 20000

void
ssh_keygen_add(struct ssh_keygen *run, const char *argument)
{
	/* One past the most tells that there were too many. */
	if (run->n < SSH_KEYGEN_ARGUMENTS_MAX)
		run->argument[run->n++] = argument;
}

/* --- its environment --------------------------------------------------- */

static bool
is_ours(const char *variable)
{
	static const char *const names[] = { "SSH_AUTH_SOCK=",
		"SSH_SK_PROVIDER=", "SSH_ASKPASS_REQUIRE=", "LC_ALL=" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

struct environment {
	char **env; /* borrows all but the two: */
	char *agent, *provider;
};

static void
environment_reset(struct environment *e)
{
	free(e->env);
	free(e->agent);
	free(e->provider);
}

static int
make_variable(const char *name, const char *value, char **ret)
{
	if (value == NULL)
		return 0;
	if (asprintf(ret, "%s=%s", name, value) == -1) {
		*ret = NULL;
		return fail(FAIL_MEMORY, "out of memory");
	}
	return 0;
}

static int
make_environment(const struct settings *settings, struct environment *ret)
{
	size_t n = 0, out = 0;
	int r;

	if ((r = make_variable(
		 "SSH_AUTH_SOCK", settings->ca_key_agent, &ret->agent)) != 0 ||
	    (r = make_variable("SSH_SK_PROVIDER",
		 settings->security_key_provider, &ret->provider)) != 0)
		return r;
	while (environ[n] != NULL)
		n++;
	if ((ret->env = calloc(n + 5, sizeof(*ret->env))) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	for (size_t i = 0; i < n; i++)
		if (!is_ours(environ[i]))
			ret->env[out++] = environ[i];
	ret->env[out++] = (char *)(uintptr_t) "LC_ALL=C";
	/* A key with a passphrase is an error, and nobody's question. */
	ret->env[out++] = (char *)(uintptr_t) "SSH_ASKPASS_REQUIRE=never";
	if (ret->agent != NULL)
		ret->env[out++] = ret->agent;
	if (ret->provider != NULL)
		ret->env[out++] = ret->provider;
	return 0;
}

/* --- the run ----------------------------------------------------------- */

static int
start(const struct ssh_keygen *run, char **env, int output, pid_t *ret)
{
	char *argv[SSH_KEYGEN_ARGUMENTS_MAX + 2] = { (
	    char *)(uintptr_t) "ssh-keygen" };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int err;

	for (size_t i = 0; i < run->n; i++)
		argv[i + 1] = (char *)(uintptr_t)run->argument[i];
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	/* In a session of its own it finds no terminal to ask at. */
	posix_spawnattr_setflags(
	    &attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(
	    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	err = posix_spawnp(ret, "ssh-keygen", &actions, &attr, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return err == 0 ? 0
			: fail(FAIL_UNAVAILABLE, "cannot run ssh-keygen: %s",
			      strerror(err));
}

/* What it says, in one line, until its output ends. False at the deadline. */
static bool
listen_to(int fd, uint64_t deadline, struct text *said)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char buf[512];
	ssize_t n;

	for (;;) {
		if (clock_ms_left(deadline) == 0)
			return false;
		if (poll(&pfd, 1, clock_ms_left(deadline)) <= 0)
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		for (ssize_t i = 0; i < n; i++) {
			bool plain = buf[i] >= ' ' && buf[i] < 0x7f;

			if (plain || (buf[i] == '\n' && said->len > 0))
				text_add(said, "%c", plain ? buf[i] : ' ');
		}
	}
}

static int
judge_end(pid_t pid, bool in_time, const struct text *said)
{
	int status = 0;

	if (!in_time)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (!in_time)
		return fail(FAIL_UNAVAILABLE,
		    "ssh-keygen did not end in time: %.500s", said->s);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fail(FAIL_UNAVAILABLE, "ssh-keygen failed: %.500s",
		    said->len > 0 ? said->s : "it does not say why");
	return 0;
}

int
ssh_keygen_run(const struct ssh_keygen *run, const struct settings *settings)
{
	struct environment env = { 0 };
	struct text said = { 0 };
	int fds[2], r;
	pid_t pid;

	if (run->n == SSH_KEYGEN_ARGUMENTS_MAX)
		return fail(
		    FAIL_UNAVAILABLE, "too many arguments for ssh-keygen");
	if (pipe2(fds, O_CLOEXEC) != 0)
		return fail(FAIL_UNAVAILABLE, "cannot make a pipe: %s",
		    strerror(errno));
	if ((r = make_environment(settings, &env)) == 0)
		r = start(run, env.env, fds[1], &pid);
	close(fds[1]);
	if (r == 0)
		r = judge_end(pid,
		    listen_to(fds[0], clock_deadline(RUNS_FOR_MS), &said),
		    &said);
	close(fds[0]);
	environment_reset(&env);
	return r;
}
