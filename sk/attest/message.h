/* SPDX-License-Identifier: ISC */
/*
 * The protocol sk-tpm-attest, version 1, by which a machine gets a certificate
 * from a CA: PROTOCOL.md, section 5, has the messages and their limits. Both
 * sides read and write with this. It sends and receives nothing itself: bytes
 * that arrived go into message_lines, and its lines into a reader.
 *
 * Whatever is read is refused by FAIL_PROTOCOL, FAIL_VERSION or FAIL_MEMORY,
 * and the conversation is over then.
 */
#ifndef SKTPM_MESSAGE_H
#define SKTPM_MESSAGE_H

#include "base/bytes.h"
#include "base/sha256.h"

#define MESSAGE_LINE_MAX 32768 /* with its LF */
#define MESSAGE_MACHINE_MAX 65536
#define MESSAGE_CA_MAX 16777216
#define MESSAGE_CERTIFICATES_MAX 8
#define MESSAGE_CA_KEYS_MAX 16
#define MESSAGE_KRL_PART 24000
#define MESSAGE_NAME_MAX 64
#define MESSAGE_TEXT_MAX 512
#define MESSAGE_SECRET_LEN 32

/* --- lines ------------------------------------------------------------- */

/* What arrived of the other side. Start from { .most = ... }. */
struct message_lines {
	size_t most; /* bytes in all: MESSAGE_MACHINE_MAX or MESSAGE_CA_MAX */
	size_t total;
	struct bytes pending;
	size_t taken; /* of pending */
};

/* 0; FAIL_PROTOCOL for too many bytes, or too long a line; FAIL_MEMORY. */
int message_lines_add(
    struct message_lines *lines, struct slice arrived) MUST_CHECK;

/*
 * The next line without its LF; valid until more is added. False if there is
 * no whole line.
 */
bool message_lines_next(struct message_lines *lines, struct slice *ret);

void message_lines_reset(struct message_lines *lines);

/* --- what a machine says ----------------------------------------------- */

enum message_want {
	MESSAGE_WANT_CA_KEYS = 0x01,
	MESSAGE_WANT_KRL = 0x02,
};

struct message_request {
	struct bytes destination;
	/*
	 * enum certificate_type of ssh/sshkey.h; 0: no certificate is wanted.
	 * Then all below `wants` is empty.
	 */
	uint32_t type;
	unsigned int wants; /* bits of enum message_want */
	struct bytes name;  /* empty: none */
	struct bytes key, binding, public, ek;
	struct bytes certificates[MESSAGE_CERTIFICATES_MAX]; /* of the EK */
	size_t n_certificates;
};

void message_request_reset(struct message_request *request);

/* How far a machine has come. */
enum machine_state {
	MACHINE_VERSION, /* its first line is to come */
	MACHINE_REQUEST, /* other lines of the request are */
	MACHINE_ANSWER,	 /* the request is complete; its answer is to come */
	MACHINE_DONE,	 /* also where no certificate is wanted */
};

/* What a CA reads. Start from { 0 }. */
struct machine_reader {
	enum machine_state state;
	struct message_request request;
	uint8_t answer[SHA256_LEN];
	unsigned int next; /* the first line of a request that may come now */
};

/* Takes a line, without its LF. */
int machine_reader_take(
    struct machine_reader *reader, struct slice line) MUST_CHECK;

void machine_reader_reset(struct machine_reader *reader);

/*
 * Appends the request, with its first line. 0; FAIL_ARGUMENT for a destination,
 * a name or a number of certificates that the protocol does not have;
 * FAIL_MEMORY.
 */
int message_put_request(
    struct bytes *out, const struct message_request *request) MUST_CHECK;

/* 0 or FAIL_MEMORY. */
int message_put_answer(
    struct bytes *out, const uint8_t answer[SHA256_LEN]) MUST_CHECK;

/* --- what a CA says ---------------------------------------------------- */

enum message_code {
	MESSAGE_VERSION,
	MESSAGE_SYNTAX,
	MESSAGE_DESTINATION,
	MESSAGE_KEY,
	MESSAGE_LOGIN,
	MESSAGE_EK,
	MESSAGE_EK_CERT,
	MESSAGE_ANSWER,
	MESSAGE_UNKNOWN,
	MESSAGE_DISABLED,
	MESSAGE_PROFILE,
	MESSAGE_TIMEOUT,
	MESSAGE_BUSY,
	MESSAGE_UNAVAILABLE,
};

#define MESSAGE_CODES 14

/* In the order of the codes; PROTOCOL.md, 5.5, says what they mean. */
extern const struct message_code_name {
	const char *name;
	int exit_status; /* of sk-tpm request */
} message_codes[MESSAGE_CODES];

#define MESSAGE_EXIT_PENDING 4

struct message_ca_key {
	uint32_t certificate_type; /* what it signs, enum certificate_type */
	struct bytes blob;
};

/* How far a CA has come. */
enum ca_state {
	CA_GREETING,	/* its first line is to come */
	CA_CHALLENGE,	/* its challenge is */
	CA_CERTIFICATE, /* the certificate is */
	CA_MORE,	/* what comes with it is */
	CA_DONE,
	CA_PENDING, /* ended by `text` */
	CA_ERROR,   /* ended by `code` and `text` */
};

/* What a machine reads. Start from { .wants = ..., .lists_alone = ... }. */
struct ca_reader {
	enum ca_state state;
	unsigned int wants; /* as in the request */
	bool lists_alone;   /* no certificate was asked for */
	struct bytes id_object, encrypted_secret;
	struct bytes certificate;
	struct message_ca_key ca_keys[MESSAGE_CA_KEYS_MAX];
	size_t n_ca_keys;
	struct bytes krl; /* empty: none */
	enum message_code code;
	struct bytes text; /* printable ASCII */
	bool krl_ended;	   /* by a part that is shorter than others */
};

/* Takes a line, without its LF. */
int ca_reader_take(struct ca_reader *reader, struct slice line) MUST_CHECK;

void ca_reader_reset(struct ca_reader *reader);

/*
 * Append a message. 0 or FAIL_MEMORY. A text that the protocol does not have is
 * FAIL_INTERNAL. The part of a KRL that is in one line is taken off its front.
 */
int message_put_greeting(struct bytes *out) MUST_CHECK;
int message_put_challenge(struct bytes *out, struct slice id_object,
    struct slice encrypted_secret) MUST_CHECK;
int message_put_certificate(
    struct bytes *out, struct slice certificate) MUST_CHECK;
int message_put_ca_key(
    struct bytes *out, const struct message_ca_key *key) MUST_CHECK;
int message_put_krl_part(struct bytes *out, struct slice *krl) MUST_CHECK;
int message_put_end(struct bytes *out) MUST_CHECK;
int message_put_pending(struct bytes *out, const char *text) MUST_CHECK;
int message_put_error(
    struct bytes *out, enum message_code code, const char *text) MUST_CHECK;

/* --- challenge and answer ---------------------------------------------- */

/*
 * The answer for a secret. `lines` are all lines of both sides up to the
 * challenge, with their LF. 0; FAIL_PROTOCOL for a secret that is not of
 * MESSAGE_SECRET_LEN; FAIL_INTERNAL.
 */
int message_answer(struct slice secret, struct slice lines,
    uint8_t ret[SHA256_LEN]) MUST_CHECK;

/* 0 where that is the answer; else FAIL_EVIDENCE, or as message_answer. */
int message_check_answer(struct slice secret, struct slice lines,
    const uint8_t answer[SHA256_LEN]) MUST_CHECK;

#endif
