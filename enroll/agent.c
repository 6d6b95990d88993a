/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/wire.h"
#include "ssh/sshkey.h"

/* A message is a string whose first byte is its type. */
enum message_type {
	MESSAGE_SUCCESS = 6,
	MESSAGE_REQUEST_IDENTITIES = 11,
	MESSAGE_IDENTITIES_ANSWER = 12,
	MESSAGE_REMOVE_IDENTITY = 18,
	MESSAGE_ADD_ID_CONSTRAINED = 25,
};

enum constraint {
	CONSTRAIN_LIFETIME = 1,
	CONSTRAIN_EXTENSION = 255,
};

#define PROVIDER_EXTENSION "sk-provider@openssh.com"

/* OpenSSH's authfd.c: MAX_AGENT_REPLY_LEN. */
#define MAX_ANSWER (256 * 1024)

#define ANSWERS_WITHIN_S 5

/* All that is asked of an agent, from agent_connect on. */
static uint64_t answers_until;

static int
no_answer(const char *path, const char *why)
{
	return fail(FAIL_UNREACHABLE, "nothing answers at %s: %s", path, why);
}

static int
no_agent(const char *path)
{
	return no_answer(path, "it is not an agent");
}

int
agent_connect(const char *path, int *ret)
{
	const struct timeval patience = { .tv_sec = ANSWERS_WITHIN_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return no_answer(path, strerror(ENAMETOOLONG));
	strcpy(addr.sun_path, path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return no_answer(path, strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		sizeof(patience)) != 0 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		no_answer(path, strerror(errno));
		close(fd);
		return FAIL_UNREACHABLE;
	}
	answers_until = clock_deadline(ANSWERS_WITHIN_S * 1000);
	*ret = fd;
	return 0;
}

/* --- one message and its answer ---------------------------------------- */

static int
send_all(int fd, const char *path, struct slice s)
{
	ssize_t n;

	for (; s.len > 0; s.data += n, s.len -= (size_t)n)
		if ((n = send(fd, s.data, s.len, MSG_NOSIGNAL)) == -1)
			return no_answer(path, strerror(errno));
	return 0;
}

static int
receive(int fd, const char *path, void *ret, size_t len)
{
	struct timeval left = { 0 };
	int ms = clock_ms_left(answers_until);
	ssize_t n;

	left.tv_sec = ms / 1000;
	left.tv_usec = ms % 1000 * 1000;
	if (ms == 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &left, sizeof(left)) != 0)
		return no_answer(path, "it is too slow");
	n = recv(fd, ret, len, MSG_WAITALL);
	if (n == -1)
		return no_answer(path,
		    errno == EAGAIN ? "it takes the request and does not answer"
				    : strerror(errno));
	return n == (ssize_t)len ? 0 : no_agent(path);
}

/* *ret begins with the answer's type. */
static int
exchange(
    int fd, const char *path, const struct bytes *message, struct bytes *ret)
{
	struct bytes sent = { 0 };
	struct slice head;
	uint8_t chunk[4096];
	uint32_t len;
	int r;

	if ((r = wire_put_string(&sent, bytes_slice(message))) == 0)
		r = send_all(fd, path, bytes_slice(&sent));
	bytes_reset(&sent);
	if (r != 0 || (r = receive(fd, path, chunk, sizeof(len))) != 0)
		return r;
	head = (struct slice){ chunk, sizeof(len) };
	if (!wire_take_u32(&head, &len) || len == 0 || len > MAX_ANSWER)
		return no_agent(path);
	while (r == 0 && len > 0) {
		uint32_t n = len < sizeof(chunk) ? len : sizeof(chunk);

		if ((r = receive(fd, path, chunk, n)) == 0)
			r = bytes_append(ret, chunk, n);
		len -= n;
	}
	return r;
}

static int
have_done(int fd, const char *path, const struct bytes *message)
{
	struct bytes answer = { 0 };
	int r = exchange(fd, path, message, &answer);

	if (r == 0 && answer.data[0] != MESSAGE_SUCCESS)
		r = fail(FAIL_UNAVAILABLE, "the agent at %s refuses", path);
	bytes_reset(&answer);
	return r;
}

/* --- its keys ---------------------------------------------------------- */

int
agent_list(int fd, const char *path, struct agent_keys *ret)
{
	struct bytes message = { 0 };
	uint8_t type;
	int r;

	*ret = (struct agent_keys){ 0 };
	if ((r = wire_put_u8(&message, MESSAGE_REQUEST_IDENTITIES)) == 0)
		r = exchange(fd, path, &message, &ret->answer);
	bytes_reset(&message);
	ret->rest = bytes_slice(&ret->answer);
	if (r == 0 &&
	    (!wire_take_u8(&ret->rest, &type) ||
		type != MESSAGE_IDENTITIES_ANSWER ||
		!wire_take_u32(&ret->rest, &ret->n)))
		r = no_agent(path);
	if (r != 0)
		agent_keys_reset(ret);
	return r;
}

bool
agent_next(struct agent_keys *keys, struct slice *ret)
{
	struct slice comment;

	return wire_take_string(&keys->rest, ret) &&
	    wire_take_string(&keys->rest, &comment);
}

void
agent_keys_reset(struct agent_keys *keys)
{
	bytes_reset(&keys->answer);
	*keys = (struct agent_keys){ 0 };
}

/* --- changes ----------------------------------------------------------- */

/* As OpenSSH serializes the private part of a certified sk-ecdsa key. */
static int
put_private(
    struct bytes *m, const struct keyfile *key, struct slice certificate)
{
	int r;

	if ((r = wire_put_string(m, certificate_type_name(certificate))) != 0 ||
	    (r = wire_put_string(m, certificate)) != 0 ||
	    (r = wire_put_text(m, key->application)) != 0 ||
	    (r = wire_put_u8(m, key->flags)) != 0 ||
	    (r = wire_put_string(m, bytes_slice(&key->key_handle))) != 0 ||
	    (r = wire_put_text(m, NULL)) != 0) /* reserved */
		return r;
	return wire_put_text(m, key->comment);
}

static int
put_constraints(struct bytes *m, uint32_t seconds, const char *library)
{
	int r;

	if (seconds != 0 &&
	    ((r = wire_put_u8(m, CONSTRAIN_LIFETIME)) != 0 ||
		(r = wire_put_u32(m, seconds)) != 0))
		return r;
	if ((r = wire_put_u8(m, CONSTRAIN_EXTENSION)) != 0 ||
	    (r = wire_put_text(m, PROVIDER_EXTENSION)) != 0)
		return r;
	return wire_put_text(m, library);
}

int
agent_add_certificate(int fd, const char *path, const struct keyfile *key,
    struct slice certificate, uint32_t seconds, const char *library)
{
	struct bytes m = { 0 };
	int r;

	if ((r = wire_put_u8(&m, MESSAGE_ADD_ID_CONSTRAINED)) == 0 &&
	    (r = put_private(&m, key, certificate)) == 0 &&
	    (r = put_constraints(&m, seconds, library)) == 0)
		r = have_done(fd, path, &m);
	bytes_reset(&m);
	return r;
}

int
agent_remove(int fd, const char *path, struct slice blob)
{
	struct bytes m = { 0 };
	int r;

	if ((r = wire_put_u8(&m, MESSAGE_REMOVE_IDENTITY)) == 0 &&
	    (r = wire_put_string(&m, blob)) == 0)
		r = have_done(fd, path, &m);
	bytes_reset(&m);
	return r;
}
