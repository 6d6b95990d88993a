/* SPDX-License-Identifier: ISC */
/*
 * Runs InventoryCommand as InventoryCommandUser: one process a question, from
 * systemd's socket or its like, as stdin and stdout. It is started as root, for
 * that change alone, and reads nothing of the question before it is made.
 *
 * The service asks with lines "id ID", "subject NAME", "serial HEX", "type
 * user|host" and "."; it gets what the command printed, and behind it "\nok\n"
 * where that ended with status 0.
 */
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
#include "ca/settings.h"

#define QUESTION_MAX 2048
#define QUESTION_IN_MS 5000
#define RUNS_FOR_MS 10000
#define OUTPUT_MAX 16000
#define ARGUMENTS_MAX 32

struct question {
	char text[QUESTION_MAX];
	const char *id, *subject, *serial, *type; /* within it */
};

/* --- the command ------------------------------------------------------- */

/* As sshd has it for its commands: nobody else could have written it. */
static int
check_path(const char *command)
{
	char path[PATH_MAX], *slash;
	struct stat st;

	if (realpath(command, path) == NULL)
		return fail(FAIL_CONFIG, "InventoryCommand %s: %s", command,
		    strerror(errno));
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return fail(
		    FAIL_CONFIG, "InventoryCommand %s is no program", command);
	for (;;) {
		if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
			return fail(FAIL_CONFIG,
			    "InventoryCommand: %s has to be root's, and nobody "
			    "else's to write",
			    path);
		if (strcmp(path, "/") == 0)
			return 0;
		slash = strrchr(path, '/');
		slash[slash == path ? 1 : 0] = '\0';
		if (stat(path, &st) != 0)
			return fail(FAIL_CONFIG, "InventoryCommand: %s: %s",
			    path, strerror(errno));
	}
}

/* %i, %s, %n and %t are what is asked; %% is a percent sign. */
static bool
expand(const char *word, const struct question *q, struct text *out)
{
	for (; *word != '\0'; word++) {
		if (*word != '%') {
			text_add(out, "%c", *word);
			continue;
		}
		switch (*++word) {
		case 'i':
			text_add(out, "%s", q->id);
			break;
		case 's':
			text_add(out, "%s", q->subject);
			break;
		case 'n':
			text_add(out, "%s", q->serial);
			break;
		case 't':
			text_add(out, "%s", q->type);
			break;
		case '%':
			text_add(out, "%%");
			break;
		default:
			return false;
		}
	}
	return true;
}

/* Its words; without arguments it is given the id and the subject. */
static int
make_arguments(const struct settings *settings, const struct question *q,
    char *ret[ARGUMENTS_MAX + 1])
{
	char *rest, *word;
	size_t n = 0;

	if ((rest = strdup(settings->inventory_command)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	while ((word = strsep(&rest, " \t")) != NULL) {
		struct text t = { 0 };

		if (word[0] == '\0')
			continue;
		if (n == ARGUMENTS_MAX || !expand(word, q, &t))
			return fail(FAIL_CONFIG,
			    "InventoryCommand: \"%.100s\": there is %%i, %%s, "
			    "%%n, %%t and %%%%, and 32 words at most",
			    word);
		if ((ret[n++] = strdup(t.s)) == NULL)
			return fail(FAIL_MEMORY, "out of memory");
	}
	if (n == 1 &&
	    ((ret[n++] = strdup(q->id)) == NULL ||
		(ret[n++] = strdup(q->subject)) == NULL))
		return fail(FAIL_MEMORY, "out of memory");
	ret[n] = NULL;
	return 0;
}

/* --- who asks, and who answers ----------------------------------------- */

static int
check_peer(const struct settings *settings)
{
	const struct passwd *pw = getpwnam(settings->service_account);
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (pw == NULL)
		return fail(FAIL_UNAVAILABLE, "there is no account %s",
		    settings->service_account);
	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return fail(FAIL_UNAVAILABLE,
		    "standard input is no connection to a socket");
	if (peer.uid != pw->pw_uid)
		return fail(FAIL_UNAVAILABLE, "uid %u asks, and not %s",
		    (unsigned int)peer.uid, settings->service_account);
	return 0;
}

/* For good, and before anything of the question is read. */
static int
become(const char *account)
{
	const struct passwd *pw = getpwnam(account);
	uid_t real, effective, saved;

	if (pw == NULL)
		return fail(FAIL_UNAVAILABLE,
		    "InventoryCommandUser: there is no account %s", account);
	if (pw->pw_uid == 0)
		return fail(FAIL_CONFIG,
		    "InventoryCommandUser: not root; an account that may read "
		    "the inventory, and nothing else");
	if (initgroups(pw->pw_name, pw->pw_gid) != 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0 ||
	    getresuid(&real, &effective, &saved) != 0 || real != pw->pw_uid ||
	    effective != pw->pw_uid || saved != pw->pw_uid || setuid(0) == 0)
		return fail(FAIL_UNAVAILABLE, "cannot become %s", pw->pw_name);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(FAIL_UNAVAILABLE, "cannot renounce privileges");
	if (clearenv() != 0 ||
	    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) != 0 ||
	    setenv("USER", pw->pw_name, 1) != 0 ||
	    setenv("LOGNAME", pw->pw_name, 1) != 0 ||
	    setenv("HOME", pw->pw_dir, 1) != 0 ||
	    setenv("SHELL", "/bin/sh", 1) != 0)
		return fail(FAIL_MEMORY, "out of memory");
	return 0;
}

/* --- the question ------------------------------------------------------ */

static int
not_understood(void)
{
	return fail(FAIL_PROTOCOL, "the service asks what is not understood");
}

/* The rest of the next line, which begins with this word. */
static char *
next(char **rest, const char *word)
{
	char *line = strsep(rest, "\n");
	size_t n = strlen(word);

	if (line == NULL || *rest == NULL || strncmp(line, word, n) != 0)
		return NULL;
	for (const char *c = line; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			return NULL;
	return line + n;
}

static int
read_question(struct question *ret)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	uint64_t deadline = clock_deadline(QUESTION_IN_MS);
	char *rest = ret->text;
	size_t len = 0;
	ssize_t n;

	while (len < 3 || memcmp(ret->text + len - 3, "\n.\n", 3) != 0) {
		if (clock_ms_left(deadline) == 0 ||
		    len == sizeof(ret->text) - 1)
			return not_understood();
		if (poll(&pfd, 1, clock_ms_left(deadline)) <= 0)
			continue;
		n = read(
		    STDIN_FILENO, ret->text + len, sizeof(ret->text) - 1 - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return not_understood();
		len += (size_t)n;
	}
	ret->text[len] = '\0';
	if ((ret->id = next(&rest, "id ")) == NULL ||
	    (ret->subject = next(&rest, "subject ")) == NULL ||
	    (ret->serial = next(&rest, "serial ")) == NULL ||
	    (ret->type = next(&rest, "type ")) == NULL ||
	    next(&rest, ".") == NULL)
		return not_understood();
	return 0;
}

/* --- running it -------------------------------------------------------- */

/* In a group of its own, to be ended with all that it starts. */
static int
start(char *const argv[], pid_t *ret_pid, int *ret_out)
{
	int out[2], null;

	if (pipe2(out, O_CLOEXEC) != 0 || (*ret_pid = fork()) == -1)
		return fail(FAIL_UNAVAILABLE, "cannot start a process: %s",
		    strerror(errno));
	if (*ret_pid == 0) {
		setpgid(0, 0);
		if ((null = open("/dev/null", O_RDONLY | O_CLOEXEC)) == -1 ||
		    dup2(null, STDIN_FILENO) == -1 ||
		    dup2(out[1], STDOUT_FILENO) == -1)
			_exit(126);
		signal(SIGPIPE, SIG_DFL);
		execv(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	setpgid(*ret_pid, *ret_pid);
	close(out[1]);
	*ret_out = out[0];
	return 0;
}

/* To its end, or to where it says too much or takes too long. */
static int
read_output(int out, char ret[OUTPUT_MAX], size_t *ret_len)
{
	struct pollfd pfd = { .fd = out, .events = POLLIN };
	uint64_t deadline = clock_deadline(RUNS_FOR_MS);
	size_t len = 0;
	ssize_t n;

	for (;;) {
		if (clock_ms_left(deadline) == 0)
			return fail(FAIL_UNAVAILABLE,
			    "InventoryCommand runs for more than 10 s");
		if (poll(&pfd, 1, clock_ms_left(deadline)) <= 0)
			continue;
		n = read(out, ret + len, OUTPUT_MAX - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if ((len += (size_t)n) == OUTPUT_MAX)
			return fail(FAIL_UNAVAILABLE,
			    "InventoryCommand prints too much");
	}
	*ret_len = len;
	return 0;
}

static int
run(char *const argv[], char ret[OUTPUT_MAX], size_t *ret_len)
{
	int out = -1, status = 0, r;
	pid_t pid = -1;

	if ((r = start(argv, &pid, &out)) != 0)
		return r;
	r = read_output(out, ret, ret_len);
	close(out);
	if (r != 0)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	kill(-pid, SIGKILL); /* what it left behind */
	if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		r = fail(FAIL_UNAVAILABLE, "InventoryCommand failed: %s %d",
		    WIFEXITED(status) ? "status" : "signal",
		    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return r;
}

/* --- a question -------------------------------------------------------- */

static int
answer(const struct settings *settings)
{
	char *argv[ARGUMENTS_MAX + 1] = { NULL }, output[OUTPUT_MAX];
	struct question question = { 0 };
	size_t len = 0;
	int r;

	if ((r = read_question(&question)) != 0 ||
	    (r = make_arguments(settings, &question, argv)) != 0 ||
	    (r = check_path(argv[0])) != 0 ||
	    (r = run(argv, output, &len)) != 0)
		return r;
	if (fwrite(output, 1, len, stdout) != len || puts("\nok") == EOF ||
	    fflush(stdout) != 0)
		return fail(FAIL_UNAVAILABLE, "cannot write the answer");
	return 0;
}

int
main(int argc, char **argv)
{
	struct settings settings;
	int r;

	log_set_program("sk-tpm-ca-inventory");
	log_begin();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	if (argc > 2) {
		fprintf(stderr, "usage: inventory [CONFIG]\n");
		return 2;
	}
	if ((r = settings_read(
		 argc == 2 ? argv[1] : SETTINGS_FILE, &settings)) == 0 &&
	    settings.inventory_command == NULL)
		r = fail(FAIL_CONFIG, "InventoryCommand is not set");
	if (r == 0 && (r = check_peer(&settings)) == 0 &&
	    (r = become(settings.inventory_command_user)) == 0)
		r = answer(&settings);
	settings_reset(&settings);
	if (r != 0)
		log_failure(r);
	return r == 0 ? 0 : 1;
}
