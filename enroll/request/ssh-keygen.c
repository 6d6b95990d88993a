/* SPDX-License-Identifier: ISC */
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "request/ssh-keygen.h"

/* What a CA has sent may have been made to cost much. */
#define CPU_SECONDS 5
#define MEMORY (256u * 1024 * 1024)

static void
limit(__rlimit_resource_t which, rlim_t most)
{
	struct rlimit now;

	if (getrlimit(which, &now) != 0)
		return;
	if (now.rlim_cur == RLIM_INFINITY || now.rlim_cur > most)
		now.rlim_cur = most;
	(void)setrlimit(which, &now);
}

static void
run_child(const char *const *argv)
{
	int null = open("/dev/null", O_RDWR);

	limit(RLIMIT_CPU, CPU_SECONDS);
	limit(RLIMIT_AS, MEMORY);
	if (null != -1 && dup2(null, STDIN_FILENO) != -1 &&
	    dup2(null, STDOUT_FILENO) != -1 && dup2(null, STDERR_FILENO) != -1)
		execvp(argv[0], (char **)(uintptr_t)argv);
	_exit(127);
}

int
ssh_keygen_quietly(const char *const *argv, int *ret_status)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		run_child(argv);
	if (pid == -1)
		return fail(FAIL_INTERNAL, "cannot run %s: %s", argv[0],
		    strerror(errno));
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return *ret_status == 127
	    ? fail(FAIL_INTERNAL, "cannot run %s", argv[0])
	    : 0;
}
