/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "base/error.h"
#include "base/log.h"
#include "openssh.h"
#include "request/agent-certificate.h"

static bool
has_key(struct agent_keys keys, struct slice plain)
{
	struct slice blob;

	while (agent_next(&keys, &blob))
		if (slice_equal(blob, plain))
			return true;
	return false;
}

/* ssh tries each certificate that the agent has, and sshd counts the tries. */
static int
remove_followed(int fd, const char *sock, struct agent_keys keys,
    struct slice plain, struct slice new, const struct certificate *c)
{
	uint8_t ours[32], its[32];
	struct certificate old;
	struct slice blob;
	int r = 0;

	if (!sshkey_fingerprint(plain, ours))
		return fail(FAIL_MEMORY, "out of memory");
	while (r == 0 && agent_next(&keys, &blob))
		if (!slice_equal(blob, new) &&
		    certificate_parse_signed(blob, &old) &&
		    old.type == c->type && slice_equal(old.ca, c->ca) &&
		    slice_equal(old.principals, c->principals) &&
		    certificate_fingerprint(&old, its) &&
		    memcmp(its, ours, sizeof(its)) == 0)
			r = agent_remove(fd, sock, blob);
	return r;
}

/* 0: it does not end. */
static uint32_t
seconds_left(const struct certificate *c)
{
	uint64_t now = (uint64_t)time(NULL), left;

	if (c->valid_before == CERTIFICATE_FOREVER)
		return 0;
	left = c->valid_before > now ? c->valid_before - now : 1;
	return left < INT32_MAX ? (uint32_t)left : INT32_MAX;
}

static int
put(int fd, const char *sock, const struct certificate_file *file,
    struct slice blob, const struct certificate *c, bool *ret_added)
{
	const char *named = getenv("SSH_SK_PROVIDER");
	struct agent_keys keys;
	int r;

	if ((r = agent_list(fd, sock, &keys)) != 0)
		return r;
	if (has_key(keys, bytes_slice(&file->blob)) &&
	    (r = agent_add_certificate(fd, sock, &file->ref->key, blob,
		 seconds_left(c),
		 named != NULL && openssh_is_ours(named)
		     ? named
		     : openssh_library())) == 0) {
		*ret_added = true;
		r = remove_followed(
		    fd, sock, keys, bytes_slice(&file->blob), blob, c);
	}
	agent_keys_reset(&keys);
	return r;
}

bool
agent_certificate_put(const struct certificate_file *file, struct slice blob,
    const struct certificate *c)
{
	const char *sock = getenv("SSH_AUTH_SOCK");
	bool added = false;
	int fd, r;

	if (file->type != CERTIFICATE_USER || sock == NULL || sock[0] == '\0')
		return false;
	if ((r = agent_connect(sock, &fd)) == 0) {
		r = put(fd, sock, file, blob, c, &added);
		close(fd);
	}
	if (r != 0)
		log_info("the certificate is written, and %s: %s",
		    added ? "in the agent" : "not in the agent", log_cause());
	return added;
}
