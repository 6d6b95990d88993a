/* SPDX-License-Identifier: ISC */
/*
 * Sources: X(7), DISPLAY NAMES; libxcb's _xcb_open, which tries the socket
 * without a file before that in /tmp/.X11-unix; wl_display_connect(3).
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/display.h"

#define X_TCP_PORT 6000

/* NULL also where the variable is empty. */
static const char *
variable(const char *name)
{
	const char *value = secure_getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* A server that is slow to take the connection is there as well. */
static bool
answers(const void *address, size_t len, int family)
{
	const struct timeval limit = { .tv_sec = 1 };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool there;

	if (fd == -1)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	there = connect(fd, address, (socklen_t)len) == 0 || errno == EAGAIN ||
	    errno == EINPROGRESS;
	close(fd);
	return there;
}

/* Of Unix-domain sockets, as unix(7) has them. */
enum local_name {
	LOCAL_PATHNAME,
	LOCAL_ABSTRACT, /* without a file */
};

static bool
local_answers(const char *path, enum local_name kind)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t at = kind == LOCAL_ABSTRACT ? 1 : 0, len = strlen(path);

	if (at + len >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path + at, path, len);
	return answers(&address,
	    offsetof(struct sockaddr_un, sun_path) + at + len, AF_UNIX);
}

/* As sshd's X11 forwarding names it. */
static bool
loopback_answers(unsigned int number)
{
	const in_port_t port = htons((uint16_t)(X_TCP_PORT + number));
	const struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_port = port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6,
		.sin6_port = port,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};

	return answers(&v4, sizeof(v4), AF_INET) ||
	    answers(&v6, sizeof(v6), AF_INET6);
}

static bool
x11_answers(const char *display)
{
	const char *colon = strrchr(display, ':');
	size_t host = colon != NULL ? (size_t)(colon - display) : 0;
	unsigned int number;
	char path[64];

	if (colon == NULL || sscanf(colon, ":%5u", &number) != 1 ||
	    number > UINT16_MAX - X_TCP_PORT)
		return false;
	if (host == 9 && strncmp(display, "localhost", host) == 0)
		return loopback_answers(number);
	if (host != 0 && !(host == 4 && strncmp(display, "unix", host) == 0))
		return true;
	snprintf(path, sizeof(path), "/tmp/.X11-unix/X%u", number);
	return local_answers(path, LOCAL_ABSTRACT) ||
	    local_answers(path, LOCAL_PATHNAME);
}

static bool
wayland_answers(const char *display)
{
	const char *dir = variable("XDG_RUNTIME_DIR");
	char path[sizeof(struct sockaddr_un)];

	if (display[0] == '/')
		return local_answers(display, LOCAL_PATHNAME);
	if (dir == NULL)
		return false;
	snprintf(path, sizeof(path), "%s/%s", dir, display);
	return local_answers(path, LOCAL_PATHNAME);
}

bool
display_is_named(void)
{
	return variable("DISPLAY") != NULL ||
	    variable("WAYLAND_DISPLAY") != NULL;
}

bool
display_is_there(void)
{
	const char *x11 = variable("DISPLAY");
	const char *wayland = variable("WAYLAND_DISPLAY");

	return (wayland != NULL && wayland_answers(wayland)) ||
	    (x11 != NULL && x11_answers(x11));
}
