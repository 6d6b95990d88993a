/* SPDX-License-Identifier: ISC */
/*
 * Under the name of a program that calls, this test is that program, and what
 * it calls prints the words that it finds.
 */
#include "unit.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <pwd.h>
#include <signal.h>

#include "ssh/caller.h"

#define MOST 30

static char home[] = "/tmp/sk-tpm-caller.XXXXXX";

/* Root's home is that of the password database. */
struct passwd *__wrap_getpwuid(uid_t uid);

struct passwd *
__wrap_getpwuid(uid_t uid)
{
	static struct passwd pw;

	(void)uid;
	pw.pw_dir = getenv("HOME");
	return &pw;
}

/* "|" before and behind each word. */
static void
print_words(void)
{
	char words[CALLER_WORDS_LEN];
	size_t n = caller_words(words);

	for (size_t i = 0; i < n; i++)
		if (words[i] == '\0')
			words[i] = '|';
	printf("|%.*s", (int)n, words);
}

static void
print_asker(void)
{
	struct text asker = { 0 };

	caller_add_command(&asker, "for ", MOST);
	printf("%s", asker.s);
}

/* A call of a call, by this process. */
static int
call(void (*print)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		print();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return pid != -1 && status == 0 ? 0 : 1;
}

/* What is printed under a command line; valid until the next call. */
static const char *
printed_by(const char *const argv[])
{
	static char out[2 * CALLER_WORDS_LEN];
	int fds[2], status;
	ssize_t n;
	size_t len = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], out + len, sizeof(out) - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return out;
}

#define WORDS(...) printed_by((const char *[]){ __VA_ARGS__, NULL })

/* The asker, where the command lines are one under the other. */
#define ASKER(...)                         \
	(setenv("PRINTS_ASKER", "yes", 1), \
	    printed_by((const char *[]){ __VA_ARGS__, NULL }))

static void
check(const char *words, const char *has)
{
	if (strstr(words, has) == NULL)
		FAIL_MSG("no %s in %s\n", has, words);
}

static void
test_command_lines(void **state)
{
	(void)state;
	assert_string_equal(WORDS("ssh", "Git.Example"), "|git.example|");
	assert_string_equal(
	    WORDS("/usr/bin/ssh", "-p", "2222", "me@git"), "|2222|me|git|");
	assert_string_equal(WORDS("ssh", "-vp2222", "git"), "|2222|git|");
	assert_string_equal(
	    WORDS("ssh", "-oPort=2222", "-o", "HostName 10.0.0.1", "git"),
	    "|2222|hostname|10.0.0.1|git|");
	assert_string_equal(WORDS("ssh", "ssh://me@git.example:2222/"),
	    "|ssh|me|git.example|2222|");
	assert_string_equal(WORDS("ssh", "ssh://me@[2001:db8::1]:2222"),
	    "|ssh|me|2001:db8::1|2222|");
	assert_string_equal(WORDS("ssh", "2001:db8::1"), "|2001:db8::1|");
	assert_string_equal(
	    WORDS("ssh", "-W", "[git]:22", "jump"), "|git|22|jump|");
	/* Strange ones. */
	assert_string_equal(WORDS("ssh", "", "-", ":", "[", "[]", "[]:", "a:",
				":b", "[x]y", "[c:d:e", "]", "git", "git"),
	    "|[|a|b|x|[c:d:e|]|git|");
	assert_string_equal(WORDS("ssh"), "|");
}

/* A long command has room for the settings left, and nothing is too long. */
static void
test_long_command(void **state)
{
	char command[20000], path[64];
	const char *words;
	FILE *f;

	(void)state;
	for (size_t i = 0; i + 8 < sizeof(command); i += 8)
		snprintf(command + i, 9, "%07zu ", i);
	snprintf(path, sizeof(path), "%s/.ssh/config", home);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "HostName configured\n");
	fclose(f);
	words = WORDS("ssh", "git", command);
	check(words, "|git|0000000|");
	check(words, "|configured|");
	assert_true(strlen(words) < CALLER_WORDS_LEN);
	memset(command, 'x', sizeof(command) - 1);
	assert_string_equal(WORDS("ssh", "git", command), "|git|configured|");
	unlink(path);
}

static void
test_settings(void **state)
{
	char path[64];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/.ssh/config", home);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f,
	    "# Host comment\nHost git other*\n\tHostName=10.0.0.1\n"
	    "\thostkeyalias \"Alias\"\n  PORT 2222\n  User me\n\n"
	    "HostNameNot x\nHost\nHost last");
	fclose(f);
	assert_string_equal(
	    WORDS("ssh", "git"), "|git|other*|10.0.0.1|alias|2222|last|");
	unlink(path);
}

/* An agent has no words of its own, but there may be an ssh. */
static void
test_agent(void **state)
{
	int fds[2], status;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_null(strstr(WORDS("ssh-agent", "here"), "|here|"));
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		execl("/proc/self/exe", "ssh", "wait", "elsewhere.example",
		    (char *)NULL);
		_exit(127);
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	check(WORDS("ssh-agent", "here"), "|elsewhere.example|");
	assert_null(strstr(WORDS("ssh", "git"), "|elsewhere.example|"));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fds[0]);
	close(fds[1]);
}

/* "then" begins the command line of the program that this one runs. */
static int
run_next(char *argv[])
{
	pid_t pid;
	int status;

	while (*argv != NULL && strcmp(*argv, "then") != 0)
		argv++;
	if (*argv == NULL)
		return call(print_asker);
	if ((pid = fork()) == 0) {
		execv("/proc/self/exe", argv + 1);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return pid != -1 && status == 0 ? 0 : 1;
}

static void
test_asker(void **state)
{
	char argument[5000];

	(void)state;
	assert_string_equal(
	    ASKER("/usr/bin/ssh", "-p", "22", "git"), "for \"ssh -p 22 git\"");
	assert_string_equal(ASKER("ssh-keygen"), "for \"ssh-keygen\"");
	assert_string_equal(ASKER("sshd", "-D"), "");
	assert_string_equal(ASKER("askpass"), "");
	/* Whoever runs them is nearer to what the person typed. */
	assert_string_equal(ASKER("/usr/lib/git-core/git", "push", "then",
				"ssh", "git@example"),
	    "for \"git push then ssh git@example\"");
	assert_string_equal(
	    ASKER("scp", "then", "sh", "-c", "then", "ssh", "x"),
	    "for \"scp then sh -c then ssh x\"");
	assert_string_equal(ASKER("make", "then", "ssh", "x"), "for \"ssh x\"");
	assert_string_equal(
	    ASKER("git", "then", "sh", "then", "sh", "then", "ssh", "x"),
	    "for \"ssh x\"");
	assert_string_equal(ASKER("git", "then", "sshd", "x"), "");
	/* Foreign bytes. */
	assert_string_equal(ASKER("ssh", "\033[1m\"\n", "\xc3\xa9"),
	    "for \"ssh \\x1b[1m\\x22\\x0a \\xc3\\xa9\"");
	memset(argument, 'x', sizeof(argument) - 1);
	argument[sizeof(argument) - 1] = '\0';
	assert_string_equal(ASKER("ssh", argument),
	    "for \"ssh xxxxxxxxxxxxxxxxxxxxxxxxxx...\"");
	assert_string_equal(ASKER("ssh", ""), "for \"ssh \"");
}

#define TEST_NAME "caller"

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_long_command),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_agent),
		cmocka_unit_test(test_asker),
	};
	char ssh[64];
	int status;

	if (argc > 1 && strcmp(argv[1], "wait") == 0) {
		if (write(STDOUT_FILENO, "", 1) == 1)
			pause();
		return 1;
	}
	if (strstr(argv[0], "test-caller") == NULL)
		return getenv("PRINTS_ASKER") != NULL ? run_next(argv)
						      : call(print_words);
	assert_non_null(mkdtemp(home));
	snprintf(ssh, sizeof(ssh), "%s/.ssh", home);
	assert_int_equal(mkdir(ssh, 0700), 0);
	setenv("HOME", home, 1);
	status = RUN(tests);
	rmdir(ssh);
	rmdir(home);
	return status;
}
