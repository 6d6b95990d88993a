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

#include "base/process.h"
#include "user/display.h"

#define X_TCP_PORT 6000

/* NULL also where the variable is empty. */
static const char *
variable(const char *name)
{
	const char *value = secure_getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Who listens under a display's name. */
enum listener {
	LISTENER_NONE,
	LISTENER_OURS,
	LISTENER_ANOTHERS,
};

/*
 * When the display that an agent was started in is gone, anybody can listen
 * under its name, and would be shown the question. To root all are the same.
 */
static enum listener
find_owner(int fd)
{
	return process_peer_is_ours(fd) ? LISTENER_OURS : LISTENER_ANOTHERS;
}

/*
 * A server that is slow to take the connection is there as well, but does not
 * tell whose it is.
 */
static enum listener
find_listener(const void *address, size_t len, int family)
{
	const struct timeval limit = { .tv_sec = 1 };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enum listener found = LISTENER_NONE;
	bool tells = family == AF_UNIX && geteuid() != 0;

	if (fd == -1)
		return LISTENER_NONE;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, address, (socklen_t)len) == 0)
		found = tells ? find_owner(fd) : LISTENER_OURS;
	else if (errno == EAGAIN || errno == EINPROGRESS)
		found = tells ? LISTENER_ANOTHERS : LISTENER_OURS;
	close(fd);
	return found;
}

/* Of Unix-domain sockets, as unix(7) has them. */
enum local_name {
	LOCAL_PATHNAME,
	LOCAL_ABSTRACT, /* without a file */
};

static enum listener
find_local(const char *path, enum local_name kind)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t at = kind == LOCAL_ABSTRACT ? 1 : 0, len = strlen(path);

	if (at + len >= sizeof(address.sun_path))
		return LISTENER_NONE;
	memcpy(address.sun_path + at, path, len);
	return find_listener(&address,
	    offsetof(struct sockaddr_un, sun_path) + at + len, AF_UNIX);
}

/* As sshd's X11 forwarding names it. */
static enum listener
find_loopback(unsigned int number)
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

	enum listener found = find_listener(&v4, sizeof(v4), AF_INET);

	return found != LISTENER_NONE
	    ? found
	    : find_listener(&v6, sizeof(v6), AF_INET6);
}

/* In the order of libxcb: the first that answers is what askpass connects to.
 */
static enum listener
find_x11(const char *display)
{
	const char *colon = strrchr(display, ':');
	size_t host = colon != NULL ? (size_t)(colon - display) : 0;
	enum listener found;
	unsigned int number;
	char path[64];

	if (colon == NULL || sscanf(colon, ":%5u", &number) != 1 ||
	    number > UINT16_MAX - X_TCP_PORT)
		return LISTENER_NONE;
	if (host == 9 && strncmp(display, "localhost", host) == 0)
		return find_loopback(number);
	if (host != 0 && !(host == 4 && strncmp(display, "unix", host) == 0))
		return LISTENER_OURS;
	snprintf(path, sizeof(path), "/tmp/.X11-unix/X%u", number);
	found = find_local(path, LOCAL_ABSTRACT);
	return found != LISTENER_NONE ? found
				      : find_local(path, LOCAL_PATHNAME);
}

static enum listener
find_wayland(const char *display)
{
	const char *dir = variable("XDG_RUNTIME_DIR");
	char path[sizeof(struct sockaddr_un)];

	if (display[0] == '/')
		return find_local(display, LOCAL_PATHNAME);
	if (dir == NULL)
		return LISTENER_NONE;
	snprintf(path, sizeof(path), "%s/%s", dir, display);
	return find_local(path, LOCAL_PATHNAME);
}

bool
display_is_named(void)
{
	return variable("DISPLAY") != NULL ||
	    variable("WAYLAND_DISPLAY") != NULL;
}

/* Which of two askpass takes is not known: neither may be another's. */
bool
display_is_there(void)
{
	const char *display;
	enum listener x11 = LISTENER_NONE, wayland = LISTENER_NONE;

	if ((display = variable("DISPLAY")) != NULL)
		x11 = find_x11(display);
	if ((display = variable("WAYLAND_DISPLAY")) != NULL)
		wayland = find_wayland(display);
	return x11 != LISTENER_ANOTHERS && wayland != LISTENER_ANOTHERS &&
	    (x11 == LISTENER_OURS || wayland == LISTENER_OURS);
}
