/* SPDX-License-Identifier: ISC */
/*
 * What a message asks to sign, parsed from its bytes, and the same in words.
 * OpenSSH gives a provider the whole message, not its hash.
 */
#ifndef SKTPM_SIGNDATA_H
#define SKTPM_SIGNDATA_H

#include "base/bytes.h"
#include "base/text.h"
#include "ssh/sshkey.h"

enum request_kind {
	REQUEST_UNKNOWN,
	/* RFC 4252, section 7, and publickey-hostbound of PROTOCOL */
	REQUEST_LOGIN,
	/* PROTOCOL.sshsig: files, git and the like */
	REQUEST_SSHSIG,
	/* PROTOCOL.certkeys: a CA at work */
	REQUEST_CERTIFICATE,
	/* hostkeys-prove-00@openssh.com of PROTOCOL */
	REQUEST_HOST_KEY_PROOF,
	/* RFC 4253, section 8: a server signs the hash of the exchange */
	REQUEST_KEY_EXCHANGE,
};

struct request {
	enum request_kind kind;
	size_t len; /* of the message */
	/* Slices borrow from the message and may hold any bytes. */
	struct slice user, service; /* login */
	struct slice
	    host_key; /* login, where it names the server's; else empty */
	struct slice namespace; /* SSHSIG */
	struct certificate certificate;
	/* unknown, but begins as a certificate of this type; else empty */
	struct slice unread_type;
	struct text words; /* request_describe's; empty before */
};

/* Never fails: a message that is not exactly one of the kinds is unknown. */
void request_parse(struct slice message, struct request *ret);

/*
 * One sentence without its full stop, as "Sign in to "host" as "alice"". It
 * says no more than the message does; all foreign words are quoted and cut. The
 * first call looks the server's key up in known_hosts; later ones return the
 * same words. Borrowed from *req.
 */
const struct text *request_describe(struct request *req);

#endif
