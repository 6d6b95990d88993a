/* SPDX-License-Identifier: ISC */
/*
 * measure PROGRAM [ARGUMENT...]: runs it, prints how long it took and what
 * processor time it and its children used, in microseconds, and ends with its
 * exit status. (Its own output goes to stderr.)
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int64_t
us(int64_t s, int64_t us)
{
	return s * 1000000 + us;
}

int
main(int argc, char **argv)
{
	struct timespec start, end;
	struct rusage used;
	int status;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: measure program [argument...]\n");
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	if ((pid = fork()) == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	if (pid == -1 || wait4(pid, &status, 0, &used) != pid) {
		perror("measure");
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%jd %jd\n",
	    (intmax_t)us(end.tv_sec - start.tv_sec,
		(end.tv_nsec - start.tv_nsec) / 1000),
	    (intmax_t)(us(used.ru_utime.tv_sec, used.ru_utime.tv_usec) +
		us(used.ru_stime.tv_sec, used.ru_stime.tv_usec)));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
