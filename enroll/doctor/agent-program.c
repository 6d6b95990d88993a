/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "doctor/agent-program.h"

/* ssh-agent.c: DEFAULT_ALLOWED_PROVIDERS. */
#define DEFAULT_LIST "/usr/lib*/*,/usr/local/lib*/*"

static FILE *
open_proc(long pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/%s", pid, name);
	return fopen(path, "re");
}

static bool
program_of(long pid, char *ret, size_t size)
{
	FILE *f = pid > 0 ? open_proc(pid, "comm") : NULL;
	bool ok = f != NULL && fgets(ret, (int)size, f) != NULL;

	if (f != NULL)
		fclose(f);
	if (ok)
		ret[strcspn(ret, "\n")] = '\0';
	else
		ret[0] = '\0';
	return ok;
}

/* Source: proc(5), stat, field 4; a name in parentheses is field 2. */
static long
parent_of(long pid)
{
	FILE *f = open_proc(pid, "stat");
	char line[512] = "", *end;
	long parent = -1;

	if (f != NULL && fgets(line, sizeof(line), f) != NULL &&
	    (end = strrchr(line, ')')) != NULL)
		sscanf(end + 1, " %*c %ld", &parent);
	if (f != NULL)
		fclose(f);
	return parent;
}

/*
 * The process that listened first is ssh-agent itself (-D, -d), or has ended (a
 * daemon's parent), or runs a command as the parent of ssh-agent. In the last
 * two cases SSH_AGENT_PID names the agent. Any other living process is not
 * ssh-agent.
 */
static long
find_process(long listener, char *ret, size_t size)
{
	const char *named = getenv("SSH_AGENT_PID");
	long pid = named != NULL ? strtol(named, NULL, 10) : 0;
	char program[32];
	bool lives = program_of(listener, ret, size);

	if (lives && strcmp(ret, "ssh-agent") == 0)
		return listener;
	if (program_of(pid, program, sizeof(program)) &&
	    strcmp(program, "ssh-agent") == 0 &&
	    (!lives || parent_of(pid) == listener)) {
		snprintf(ret, size, "%s", program);
		return pid;
	}
	return listener;
}

/* The value of -P among ssh-agent's options, or NULL. */
static char *
allowed_by(char **argv, size_t n)
{
	for (size_t i = 1; i < n && argv[i][0] == '-'; i++)
		for (const char *c = argv[i] + 1; *c != '\0'; c++) {
			const char *value = c[1] != '\0' ? c + 1
			    : i + 1 < n			 ? argv[i + 1]
							 : "";

			if (strchr("aEOPt", *c) == NULL)
				continue;
			if (*c == 'P')
				return strdup(value);
			i += c[1] == '\0';
			break;
		}
	return NULL;
}

#define MAX_ARGUMENTS 64

static char *
read_allowed(long pid)
{
	FILE *f = open_proc(pid, "cmdline");
	char text[8192], *argv[MAX_ARGUMENTS];
	size_t len = 0, n = 0;

	if (f != NULL) {
		len = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[len] = '\0';
	for (size_t at = 0; at < len && n < MAX_ARGUMENTS;
	     at += strlen(text + at) + 1)
		argv[n++] = text + at;
	return allowed_by(argv, n);
}

int
agent_ask(const char *path, struct agent *ret)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	struct agent agent = { 0 };
	struct agent_keys keys;
	int fd = -1, r;
	long pid;

	if ((r = agent_connect(path, &fd)) != 0)
		return r;
	if ((r = agent_list(fd, path, &keys)) != 0)
		goto out;
	agent.n_keys = keys.n;
	agent_keys_reset(&keys);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0) {
		pid = find_process(
		    peer.pid, agent.program, sizeof(agent.program));
		if (strcmp(agent.program, "ssh-agent") == 0)
			agent.allowed = read_allowed(pid);
	}
	*ret = agent;
out:
	close(fd);
	return r;
}

/* As match_pattern_list() in OpenSSH's match.c: a match of "!..." refuses. */
bool
agent_allows(const struct agent *agent, const char *library)
{
	char *list =
	    strdup(agent->allowed != NULL ? agent->allowed : DEFAULT_LIST);
	char *rest = list, *pattern;
	bool found = false;

	while ((pattern = strsep(&rest, ",")) != NULL) {
		bool negated = pattern[0] == '!';

		if (fnmatch(pattern + negated, library, FNM_NOESCAPE) != 0)
			continue;
		found = !negated;
		if (negated)
			break;
	}
	free(list);
	return found;
}

void
agent_reset(struct agent *agent)
{
	free(agent->allowed);
	*agent = (struct agent){ 0 };
}
