/* SPDX-License-Identifier: ISC */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/error.h"
#include "base/log.h"
#include "base/wire.h"
#include "fallback/fallback.h"

#define CALLER_CHECK_MS 200

/* What a helper may take to end once it has answered. */
#define GRACE_MS 1000

/* --- which program ----------------------------------------------------- */

static bool
this_process_is_helper(char *ret, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", ret, size - 1);
	const char *name;

	if (n <= 0)
		return false;
	ret[n] = '\0';
	name = strrchr(ret, '/');
	return name != NULL && strcmp(name, "/ssh-sk-helper") == 0;
}

bool
fallback_find_helper(char *ret, size_t size)
{
	static const char *const places[] = {
		"/usr/lib/openssh/ssh-sk-helper",
		"/usr/libexec/openssh/ssh-sk-helper",
		"/usr/libexec/ssh-sk-helper",
		"/usr/lib/ssh/ssh-sk-helper",
	};
	const char *named = secure_getenv("SSH_SK_HELPER");

	if (named != NULL && named[0] != '\0')
		return (size_t)snprintf(ret, size, "%s", named) < size &&
		    access(ret, X_OK) == 0;
	if (this_process_is_helper(ret, size))
		return true;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], X_OK) == 0)
			return (size_t)snprintf(ret, size, "%s", places[i]) <
			    size;
	return false;
}

/*
 * `words` is what a helper without the built-in provider says on stderr, since
 * OpenSSH 8.2 (sshsk_open in ssh-sk.c). One with it does not have the text. In
 * its answer, this failure is as any other.
 */
bool
fallback_helper_lacks_builtin(const char *path)
{
	static const char words[] = "internal security key support not enabled";
	int fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	void *program = MAP_FAILED;
	bool lacks = false;
	struct stat st;

	if (fd == -1)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		program = mmap(
		    NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (program != MAP_FAILED) {
		lacks = memmem(program, (size_t)st.st_size, words,
			    strlen(words)) != NULL;
		munmap(program, (size_t)st.st_size);
	}
	return lacks;
}

/* --- talking to it ----------------------------------------------------- */

/* Not write(2): a helper that died is an error here, not a signal. */
static bool
send_all(int fd, struct slice data)
{
	while (data.len > 0) {
		ssize_t n = send(fd, data.data, data.len, MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data.data += n;
		data.len -= (size_t)n;
	}
	return true;
}

/*
 * Waits until there is something to read. A token waits for a finger, so there
 * is no deadline. It ends when our caller has ended.
 */
static bool
wait_for_answer(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	const pid_t caller = getppid();
	int n;

	while ((n = poll(&pfd, 1, CALLER_CHECK_MS)) == 0 ||
	    (n == -1 && errno == EINTR))
		if (getppid() != caller)
			return false;
	return n > 0;
}

static bool
receive_all(int fd, uint8_t *out, size_t n)
{
	while (n > 0) {
		ssize_t got = wait_for_answer(fd) ? read(fd, out, n) : 0;

		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		out += got;
		n -= (size_t)got;
	}
	return true;
}

static int
receive_answer(int fd, struct bytes *ret)
{
	uint8_t length[HELPER_LENGTH_LEN], *answer = NULL;
	struct slice in = { length, sizeof(length) };
	uint32_t n;
	int r;

	if (!receive_all(fd, length, sizeof(length)))
		return fail(FAIL_FALLBACK,
		    "the fallback provider's ssh-sk-helper gave no answer");
	if (!wire_take_u32(&in, &n) || n == 0 || n > HELPER_MAX_ANSWER)
		return fail(
		    FAIL_FALLBACK, "ssh-sk-helper's answer cannot be read");
	if ((answer = malloc(n)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	if (receive_all(fd, answer, n))
		r = bytes_set(ret, answer, n);
	else
		r = fail(FAIL_FALLBACK, "ssh-sk-helper's answer was cut short");
	free(answer);
	return r;
}

/*
 * One request to a helper of its own, in which no fallback counts: if the
 * fallback provider is this library, it does not start another helper.
 */
static int
ask_helper(struct slice request, struct bytes *ret_answer)
{
	char path[4096];
	const struct child helper = {
		.path = path,
		.env = { "SK_TPM_FALLBACK_PROVIDER=none" },
	};
	int pair[2], err, r;
	pid_t pid;

	if (!fallback_find_helper(path, sizeof(path)))
		return fail(FAIL_FALLBACK,
		    "ssh-sk-helper, which runs the fallback provider, was not "
		    "found");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return fail(
		    FAIL_FALLBACK, "no socket pair: %s", strerror(errno));
	err = child_spawn(&helper, pair[1], pair[1], &pid);
	close(pair[1]);
	if (err == 0) {
		if (send_all(pair[0], request))
			r = receive_answer(pair[0], ret_answer);
		else
			r = fail(FAIL_FALLBACK,
			    "ssh-sk-helper took no request: %s",
			    strerror(errno));
		close(pair[0]);
		child_end(pid, GRACE_MS);
		return r;
	}
	close(pair[0]);
	return fail(FAIL_FALLBACK, "cannot run %s: %s", path, strerror(err));
}

static bool
is_builtin(const struct config *cfg)
{
	return strcmp(cfg->fallback_provider, FALLBACK_INTERNAL) == 0;
}

/* Whether a request may have failed because OpenSSH has no provider. */
static bool
builtin_is_missing(const struct config *cfg, int r)
{
	char path[4096];

	return is_builtin(cfg) && (r == FAIL_NO_REASON || r == FAIL_FALLBACK) &&
	    fallback_find_helper(path, sizeof(path)) &&
	    fallback_helper_lacks_builtin(path);
}

static void
name_provider(const struct config *cfg, char *ret, size_t size)
{
	if (is_builtin(cfg))
		snprintf(ret, size, "OpenSSH's own provider");
	else
		snprintf(ret, size, "%s", cfg->fallback_provider);
}

/* --- calls ------------------------------------------------------------- */

int
fallback_sign(const struct config *cfg, struct helper_sign_request *req,
    struct helper_signature *ret)
{
	struct bytes request = { 0 }, answer = { 0 };
	char name[256];
	int r;

	if (cfg->fallback_provider == NULL)
		return fail(FAIL_NOT_OURS, "this key was not made by sk-tpm");
	name_provider(cfg, name, sizeof(name));
	log_debug("this key was not made by sk-tpm; asking %s", name);
	req->provider = cfg->fallback_provider;
	req->verbose = cfg->log_level == LOG_LEVEL_DEBUG;
	if ((r = helper_encode_sign(req, &request)) == 0 &&
	    (r = ask_helper(bytes_slice(&request), &answer)) == 0)
		r = helper_decode_signature(
		    bytes_slice(&answer), req->algorithm, ret);
	if (builtin_is_missing(cfg, r))
		r = fail(FAIL_NO_TOKEN,
		    "this key was not made by sk-tpm, and this OpenSSH was "
		    "built without its own provider, which security keys need; "
		    "install one with it, or name the provider that made the "
		    "key as FallbackProvider in sk-tpm.conf");
	else if (r == FAIL_NO_TOKEN)
		r = fail(r,
		    "this key was not made by sk-tpm, and %s finds no device "
		    "that has it; plug in the security key, or name the "
		    "provider that made the key as FallbackProvider in "
		    "sk-tpm.conf",
		    name);
	else if (r == FAIL_NO_REASON && is_builtin(cfg))
		r = fail(r,
		    "this key was not made by sk-tpm, and %s failed without a "
		    "reason; is the security key that has it plugged in? If "
		    "another provider made it, name that as FallbackProvider "
		    "in sk-tpm.conf",
		    name);
	else if (r == FAIL_NO_REASON)
		r = FAIL_FALLBACK;
	bytes_reset(&request);
	bytes_reset(&answer);
	return r;
}

/* `key_type` is one of OpenSSH's two numbers for ed25519-sk. */
static int
enroll_as(const struct helper_enroll_request *req, uint32_t key_type,
    struct helper_key *ret)
{
	struct bytes request = { 0 }, answer = { 0 };
	int r;

	if ((r = helper_encode_enroll(req, key_type, &request)) == 0 &&
	    (r = ask_helper(bytes_slice(&request), &answer)) == 0)
		r = helper_decode_key(bytes_slice(&answer), ret);
	bytes_reset(&request);
	bytes_reset(&answer);
	return r;
}

int
fallback_enroll(const struct config *cfg, struct helper_enroll_request *req,
    struct helper_key *ret)
{
	char name[256];
	int r;

	if (cfg->fallback_provider == NULL)
		return fail(FAIL_UNSUPPORTED,
		    "a TPM has no ed25519; use -t ecdsa-sk, which it can do");
	name_provider(cfg, name, sizeof(name));
	log_debug("a TPM has no ed25519; asking %s", name);
	req->provider = cfg->fallback_provider;
	req->verbose = cfg->log_level == LOG_LEVEL_DEBUG;
	r = enroll_as(req, HELPER_TYPE_ED25519_SK_OLD, ret);
	if (r == FAIL_ARGUMENT)
		r = enroll_as(req, HELPER_TYPE_ED25519_SK, ret);
	if (builtin_is_missing(cfg, r))
		r = fail(FAIL_UNSUPPORTED,
		    "a TPM has no ed25519, and this OpenSSH was built without "
		    "its own provider, which security keys need; use "
		    "-t ecdsa-sk for a key in the TPM");
	else if (r == FAIL_NO_TOKEN)
		r = fail(r,
		    "a TPM has no ed25519, and %s finds no device that has; "
		    "use -t ecdsa-sk for a key in the TPM, or plug in a "
		    "security key",
		    name);
	else if (r == FAIL_NO_REASON && is_builtin(cfg))
		r = fail(r,
		    "a TPM has no ed25519, and %s failed without a reason; is "
		    "a security key plugged in? For a key in the TPM, use "
		    "-t ecdsa-sk",
		    name);
	else if (r == FAIL_NO_REASON)
		r = FAIL_FALLBACK;
	return r;
}
