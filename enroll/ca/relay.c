/* SPDX-License-Identifier: ISC */
/*
 * What a login runs, a machine's or a person's: it tells the service which key
 * logged in and from where, and passes the rest on. It reads nothing else, and
 * believes nothing.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/unix-socket.h"

#define SOCKET "/run/sk-tpm-ca/socket"
#define LOGIN_MAX 8192

/* The service ends connections earlier; this is for when it does not. */
#define LIVES_SECONDS 120

/*
 * The one public key of SSH_USER_AUTH (sshd_config(5), ExposeAuthInfo) in
 * base64, which has no line end. False where the login was by anything else, or
 * by more than one method.
 */
static int
read_login(char *ret, size_t size)
{
	const char *path = getenv("SSH_USER_AUTH");
	char line[LOGIN_MAX], more[2];
	FILE *f = path != NULL ? fopen(path, "re") : NULL;
	int good = 0;

	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) != NULL &&
	    strchr(line, '\n') != NULL &&
	    fgets(more, sizeof(more), f) == NULL) {
		char *rest = line, *method = strsep(&rest, " \n"),
		     *type = strsep(&rest, " \n"), *blob = strsep(&rest, " \n");

		good = method != NULL && type != NULL && blob != NULL &&
		    strcmp(method, "publickey") == 0 && strlen(blob) < size;
		if (good)
			snprintf(ret, size, "%s", blob);
	}
	fclose(f);
	return good;
}

/* The client's address in SSH_CONNECTION, or "unknown". */
static void
read_address(char *ret, size_t size)
{
	const char *connection = getenv("SSH_CONNECTION");
	size_t n = connection != NULL
	    ? strspn(connection, "0123456789abcdefghijklmnopqrstuvwxyz.:%")
	    : 0;

	if (n == 0 || connection[n] != ' ' || n >= size)
		snprintf(ret, size, "unknown");
	else
		snprintf(ret, size, "%.*s", (int)n, connection);
}

static int
write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, data, n);

		if (done == -1 && errno == EINTR)
			continue;
		if (done <= 0)
			return 0;
		data += done;
		n -= (size_t)done;
	}
	return 1;
}

/* One piece. 0 at the end of either. */
static int
copy(int from, int to)
{
	char buf[16384];
	ssize_t n;

	do
		n = read(from, buf, sizeof(buf));
	while (n == -1 && errno == EINTR);
	return n > 0 && write_all(to, buf, (size_t)n);
}

/* Until the service has said all: a machine that says no more may still read.
 */
static void
pass_on(int service)
{
	struct pollfd pfds[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = service, .events = POLLIN } };

	for (;;) {
		if (poll(pfds, 2, -1) <= 0 && errno != EINTR)
			return;
		if (pfds[1].revents != 0 && !copy(service, STDOUT_FILENO))
			return;
		if (pfds[0].fd != -1 && pfds[0].revents != 0 &&
		    !copy(STDIN_FILENO, service)) {
			shutdown(service, SHUT_WR);
			pfds[0].fd = -1;
		}
	}
}

int
main(int argc, char **argv)
{
	char login[LOGIN_MAX], address[64], line[LOGIN_MAX + 96];
	int service, n;

	signal(SIGPIPE, SIG_IGN);
	alarm(LIVES_SECONDS);
	service = unix_connect(argc == 2 ? argv[1] : SOCKET);
	if (service == -1) {
		/* As the service would say it (PROTOCOL.md, 5.5). */
		puts("error unavailable the CA's service does not run");
		fprintf(stderr, "relay: no service at %s: %s\n",
		    argc == 2 ? argv[1] : SOCKET, strerror(errno));
		return 1;
	}
	read_address(address, sizeof(address));
	n = snprintf(line, sizeof(line), "login %s %s\n",
	    read_login(login, sizeof(login)) ? login : "none", address);
	if (write_all(service, line, (size_t)n))
		pass_on(service);
	return 0;
}
