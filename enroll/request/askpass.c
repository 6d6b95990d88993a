/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/process.h"
#include "config.h"
#include "request/askpass.h"
#include "user/presence.h"

#define SOCKET_VARIABLE "SK_TPM_ASKPASS"
#define ELSE_VARIABLE "SK_TPM_ASKPASS_ELSE"
#define REQUIRE_VARIABLE "SK_TPM_ASKPASS_ELSE_REQUIRE"

/*
 * On the socket: we say READY once we know who asks, and it sends its prompt
 * and no more. We say one of the others, and behind GIVEN the PIN.
 */
enum {
	READY = 'r',
	GIVEN = 'g',
	REFUSED = 'n',	/* the PIN was given before, and was wrong */
	NOT_OURS = 'o', /* it asks for something else */
};

#define MOST_ASKERS 8
#define PROMPT_MAX 1024
#define ANSWERS_WITHIN_S 5

struct askpass {
	int fd;
	const char *key, *pin;
	char *env[ASKPASS_ENV];
	pid_t ssh;
	pid_t given[MOST_ASKERS]; /* processes that have the PIN */
	size_t n_given;
};

/* --- the side that has the PIN ----------------------------------------- */

/* A name that the kernel chooses, in no file system. */
static int
listen_somewhere(int fd, char *ret, size_t size)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);

	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr.sun_family)) != 0 ||
	    listen(fd, MOST_ASKERS) != 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) != 0 ||
	    len <= offsetof(struct sockaddr_un, sun_path) + 1)
		return -1;
	len -= (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1;
	snprintf(ret, size, "%.*s", (int)len, addr.sun_path + 1);
	return 0;
}

static char *
variable(const char *name, const char *value)
{
	char *s;

	return asprintf(&s, "%s=%s", name, value != NULL ? value : "") != -1
	    ? s
	    : NULL;
}

static bool
make_environment(struct askpass *a, const char *name)
{
	char program[4096];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (n <= 0)
		return false;
	program[n] = '\0';
	a->env[0] = variable("SSH_ASKPASS", program);
	a->env[1] = variable("SSH_ASKPASS_REQUIRE", "force");
	a->env[2] = variable(SOCKET_VARIABLE, name);
	a->env[3] = variable(ELSE_VARIABLE, getenv("SSH_ASKPASS"));
	a->env[4] = variable(REQUIRE_VARIABLE, getenv("SSH_ASKPASS_REQUIRE"));
	for (size_t i = 0; i < ASKPASS_ENV; i++)
		if (a->env[i] == NULL)
			return false;
	return true;
}

int
askpass_new(const char *key, const char *pin, struct askpass **ret)
{
	struct askpass *a = calloc(1, sizeof(*a));
	char name[64];

	if (a == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	a->key = key;
	a->pin = pin;
	a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->fd == -1 || listen_somewhere(a->fd, name, sizeof(name)) != 0 ||
	    !make_environment(a, name)) {
		askpass_free(a);
		return fail(FAIL_INTERNAL, "cannot make an askpass for ssh");
	}
	*ret = a;
	return 0;
}

char *const *
askpass_environment(const struct askpass *askpass)
{
	return askpass->env;
}

void
askpass_begin(struct askpass *askpass, pid_t ssh)
{
	askpass->ssh = ssh;
	askpass->n_given = 0;
}

int
askpass_fd(const struct askpass *askpass)
{
	return askpass->fd;
}

bool
askpass_gave(const struct askpass *askpass)
{
	return askpass->n_given > 0;
}

/* Who asks is a child of an ssh that we started, or of one that it started. */
static pid_t
find_asker(const struct askpass *a, pid_t peer)
{
	pid_t asker = process_parent(peer);
	pid_t pid = asker;

	for (int i = 0; i < 16 && pid > 1; i++) {
		if (pid == a->ssh)
			return asker;
		pid = process_parent(pid);
	}
	return -1;
}

/* "Enter PIN for ECDSA-SK key FILE: ", as sshconnect2.c of OpenSSH has it. */
static bool
asks_for_pin(const struct askpass *a, char *prompt)
{
	static const char begins[] = "Enter PIN for ", between[] = " key ",
			  ends[] = ": ";
	struct stat theirs, ours;
	char *file;
	size_t len;

	if (strncmp(prompt, begins, strlen(begins)) != 0 ||
	    (file = strstr(prompt + strlen(begins), between)) == NULL)
		return false;
	file += strlen(between);
	len = strlen(file);
	if (len < strlen(ends) || strcmp(file + len - strlen(ends), ends) != 0)
		return false;
	file[len - strlen(ends)] = '\0';
	return stat(file, &theirs) == 0 && stat(a->key, &ours) == 0 &&
	    theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

static bool
has_given(const struct askpass *a, pid_t asker)
{
	for (size_t i = 0; i < a->n_given; i++)
		if (a->given[i] == asker)
			return true;
	return a->n_given == MOST_ASKERS;
}

/* Reads a text to its end, terminated. */
static bool
receive_text(int fd, char *ret, size_t size)
{
	size_t len = 0;
	ssize_t n = 1;

	while (
	    len < size - 1 && (n = recv(fd, ret + len, size - 1 - len, 0)) > 0)
		len += (size_t)n;
	ret[len] = '\0';
	return n == 0;
}

static void
say(int fd, char word)
{
	(void)!send(fd, &word, 1, MSG_NOSIGNAL);
}

static void
set_patience(int fd)
{
	const struct timeval patience = { .tv_sec = ANSWERS_WITHIN_S };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

static void
answer(struct askpass *a, int fd, pid_t asker)
{
	char prompt[PROMPT_MAX];

	say(fd, READY);
	if (!receive_text(fd, prompt, sizeof(prompt)))
		return;
	if (!asks_for_pin(a, prompt)) {
		say(fd, NOT_OURS);
	} else if (has_given(a, asker)) {
		say(fd, REFUSED);
	} else {
		a->given[a->n_given++] = asker;
		say(fd, GIVEN);
		(void)!send(fd, a->pin, strlen(a->pin), MSG_NOSIGNAL);
	}
}

void
askpass_serve(struct askpass *askpass)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	pid_t asker;
	int fd;

	fd = accept4(askpass->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd == -1)
		return;
	set_patience(fd);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    peer.uid == geteuid() &&
	    (asker = find_asker(askpass, peer.pid)) != -1)
		answer(askpass, fd, asker);
	close(fd);
}

void
askpass_free(struct askpass *askpass)
{
	if (askpass == NULL)
		return;
	if (askpass->fd != -1)
		close(askpass->fd);
	for (size_t i = 0; i < ASKPASS_ENV; i++)
		free(askpass->env[i]);
	free(askpass);
}

/* --- the side that ssh starts ------------------------------------------ */

/* A prompt has spaces, and a subcommand has none. */
bool
askpass_is_asked(int argc, char **argv)
{
	return argc == 2 && strchr(argv[1], ' ') != NULL &&
	    getenv(SOCKET_VARIABLE) != NULL;
}

static int
connect_to(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const size_t len = strlen(name);
	int fd;

	if (len >= sizeof(addr.sun_path))
		return -1;
	memcpy(addr.sun_path + 1, name, len);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	set_patience(fd);
	if (connect(fd, (struct sockaddr *)&addr,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
		    len)) != 0 ||
	    !process_peer_is_ours(fd)) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * One of the words above; the PIN goes to stdout. Nobody but root can read this
 * process once it has shown whose child it is, which /proc may hide then.
 */
static char
ask_sk_tpm(const char *prompt)
{
	char word = NOT_OURS, pin[PROMPT_MAX + 1];
	int fd = connect_to(getenv(SOCKET_VARIABLE));

	if (fd == -1)
		return NOT_OURS;
	if (recv(fd, &word, 1, 0) != 1 || word != READY)
		goto out;
	word = NOT_OURS;
	process_keep_memory();
	if (send(fd, prompt, strlen(prompt), MSG_NOSIGNAL) == -1 ||
	    shutdown(fd, SHUT_WR) != 0 || recv(fd, &word, 1, 0) != 1 ||
	    word != GIVEN || !receive_text(fd, pin, sizeof(pin)))
		goto out;
	puts(pin);
	explicit_bzero(pin, sizeof(pin));
out:
	close(fd);
	return word;
}

/* As it was before SSH_ASKPASS named us. */
static void
restore_environment(void)
{
	const char *askpass = getenv(ELSE_VARIABLE);
	const char *require = getenv(REQUIRE_VARIABLE);

	if (askpass != NULL && askpass[0] != '\0')
		setenv("SSH_ASKPASS", askpass, 1);
	else
		unsetenv("SSH_ASKPASS");
	if (require != NULL && require[0] != '\0')
		setenv("SSH_ASKPASS_REQUIRE", require, 1);
	else
		unsetenv("SSH_ASKPASS_REQUIRE");
	unsetenv(SOCKET_VARIABLE);
}

static int
ask_person(const char *prompt)
{
	struct config cfg = { 0 };
	struct bytes secret = { 0 };
	int r;

	restore_environment();
	process_keep_memory();
	if ((r = config_load(&cfg)) == 0 &&
	    (r = presence_ask_secret(&cfg, prompt, &secret)) == 0)
		puts((const char *)secret.data);
	bytes_reset(&secret);
	config_reset(&cfg);
	if (r != 0)
		log_failure(r);
	return r == 0 ? 0 : 1;
}

int
askpass_main(const char *prompt)
{
	const char *kind = getenv("SSH_ASKPASS_PROMPT");

	/* A note, to be closed by who shows it. */
	if (kind != NULL && strcasecmp(kind, "none") == 0)
		return 0;
	switch (ask_sk_tpm(prompt)) {
	case GIVEN:
		return fflush(stdout) == 0 ? 0 : 1;
	case REFUSED:
		return 1;
	default:
		return ask_person(prompt);
	}
}
