/* SPDX-License-Identifier: ISC */
/*
 * The service: one process a connection, from systemd's socket or its like, as
 * stdin and stdout. What it says and hears is PROTOCOL.md, section 5; before
 * that, relay's line tells which key logged in.
 */
#include <sys/socket.h>
#include <sys/time.h>

#include <errno.h>
#include <openssl/rand.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "attest/make-credential.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "ca/admission.h"
#include "ca/audit.h"
#include "ca/certify.h"
#include "ca/judge.h"
#include "ca/lists.h"
#include "ca/public-key.h"
#include "ca/slots.h"
#include "ca/workdir.h"

#define LOGIN_SECONDS 5

struct session {
	struct settings settings;
	struct judge *judge;
	struct store *store;
	uint64_t deadline;
	struct message_lines lines;
	struct bytes said; /* both sides' lines, up to the challenge */
	struct judged_request request;
	struct applicant who;
	bool known_login; /* by a machine's key, or a person's */
	uint8_t secret[MESSAGE_SECRET_LEN];
	struct inventory inventory;
	bool asked; /* a whole request came */
};

/* --- sending and receiving --------------------------------------------- */

/* Whoever cannot be written to any more needs no answer. */
static void
send_bytes(const struct bytes *what)
{
	size_t at = 0;

	while (at < what->len) {
		ssize_t n =
		    write(STDOUT_FILENO, what->data + at, what->len - at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		at += (size_t)n;
	}
}

static void
send_error(enum message_code code, const char *text)
{
	struct bytes out = { 0 };
	char line[MESSAGE_TEXT_MAX + 1];

	snprintf(line, sizeof(line), "%.500s", text);
	if (message_put_error(&out, code, line) == 0 ||
	    message_put_error(&out, code, "see the CA's log") == 0)
		send_bytes(&out);
	bytes_reset(&out);
}

/* FAIL_CA_LATER at the deadline, FAIL_UNREACHABLE at the connection's end. */
static int
read_more(struct session *s)
{
	struct pollfd pfds[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = s->judge != NULL ? judge_fd(s->judge) : -1,
		    .events = POLLIN } };
	uint8_t buf[8192];
	ssize_t n;

	do
		n = poll(pfds, 2, clock_ms_left(s->deadline));
	while (n == -1 && errno == EINTR);
	if (n == 0)
		return fail(FAIL_CA_LATER, "the machine was too slow");
	/* It has judged before the request's end: no more is needed. */
	if (pfds[1].revents != 0)
		return FAIL_PROTOCOL;
	do
		n = read(STDIN_FILENO, buf, sizeof(buf));
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return fail(FAIL_UNREACHABLE, "the connection ended");
	return message_lines_add(&s->lines, (struct slice){ buf, (size_t)n });
}

static int
next_line(struct session *s, struct slice *ret)
{
	int r;

	while (!message_lines_next(&s->lines, ret))
		if ((r = read_more(s)) != 0)
			return r;
	return 0;
}

/* --- refusing ---------------------------------------------------------- */

/* A row, unless there were very many in this minute: the disk is not theirs. */
static int
write_refusal(const struct session *s, enum message_code code,
    const char *machine, const char *text)
{
	struct audit_event event = certify_event(&s->who, "refused");
	const int64_t now = time(NULL);
	struct text words = { 0 };
	unsigned int before;
	bool written;
	int r;

	if (s->store == NULL)
		return 0;
	if ((r = tally_refused(
		 &s->settings, s->known_login, now, &written, &before)) != 0 ||
	    !written)
		return r;
	text_add(&words, "%s", text);
	if (before > 0)
		text_add(&words, "; %u before it have no row", before);
	event.machine = machine;
	event.code = message_codes[code].name;
	event.text = words.s;
	return audit_alone(s->store, &event, now);
}

/* Without the row, nobody is told why. */
static void
refuse(struct session *s, enum message_code code, const char *machine,
    const char *text)
{
	if (write_refusal(s, code, machine, text) != 0) {
		log_failure(FAIL_STORE);
		code = MESSAGE_UNAVAILABLE;
		text = "the audit log cannot be written";
	}
	/* Which machines there are is not said, nor what is wrong with us. */
	if (code == MESSAGE_UNKNOWN)
		text = "this CA does not know this machine";
	if (code == MESSAGE_BUSY)
		text = "too many machines wait to be approved";
	if (code == MESSAGE_UNAVAILABLE) {
		log_info("%s", text);
		text = "the CA cannot issue certificates at present";
	}
	send_error(code, text);
}

/* Our own trouble: it is in the log, and the machine may come again. */
static void
unavailable(int r)
{
	log_failure(r);
	send_error(
	    MESSAGE_UNAVAILABLE, "the CA cannot issue certificates at present");
}

/* Not one row each: who says nothing must not fill the disk. */
static void
count_incomplete(struct session *s)
{
	struct audit_event event = { .what = "incomplete", .by = "relay" };
	char text[64];
	unsigned int n;

	if (tally_incomplete(&s->settings, time(NULL), &n) != 0 || n == 0)
		return;
	snprintf(
	    text, sizeof(text), "%u connections without a whole request", n);
	event.text = text;
	if (audit_alone(s->store, &event, time(NULL)) != 0)
		log_failure(FAIL_STORE);
}

/* --- who it is --------------------------------------------------------- */

/*
 * The account that the connection came through is the kernel's word. Only
 * relay, by the account of machines, is believed which key logged in. Any other
 * account is a person, who logged in to this host by whatever its sshd demands.
 */
static int
check_peer(struct session *s)
{
	const struct passwd *pw;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	uid_t machines;

	if ((pw = getpwnam(s->settings.login_account)) == NULL)
		return fail(FAIL_UNAVAILABLE, "there is no account %s",
		    s->settings.login_account);
	machines = pw->pw_uid;
	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return fail(FAIL_UNAVAILABLE,
		    "standard input is no connection to a socket");
	if (peer.uid == machines)
		return 0;
	if (s->settings.people_profile == NULL)
		return fail(FAIL_EVIDENCE,
		    "the connection is uid %u's, and not %s's; PeopleProfile "
		    "is not set",
		    (unsigned int)peer.uid, s->settings.login_account);
	if ((pw = getpwuid(peer.uid)) == NULL ||
	    !person_is_wellformed(pw->pw_name))
		return fail(FAIL_EVIDENCE,
		    "uid %u has no name that can be a principal",
		    (unsigned int)peer.uid);
	snprintf(s->who.person, sizeof(s->who.person), "%s", pw->pw_name);
	return 0;
}

static bool
is_address(struct slice word)
{
	for (size_t i = 0; i < word.len; i++)
		if (word.data[i] == '\0' ||
		    strchr("0123456789abcdefghijklmnopqrstuvwxyz.:%",
			word.data[i]) == NULL)
			return false;
	return word.len > 0 && word.len <= STORE_ADDRESS_MAX;
}

/* "login none|BASE64 ADDRESS": a public key, and where the login came from. */
static int
read_login(struct session *s)
{
	struct slice line, word, address;
	struct bytes blob = { 0 };
	const uint8_t *space;
	int r;

	if ((r = next_line(s, &line)) != 0)
		return r;
	if (!slice_begins(line, "login ") ||
	    (space = memrchr(line.data, ' ', line.len)) < line.data + 6)
		return fail(FAIL_PROTOCOL, "relay said something else");
	word = (struct slice){ line.data + 6, (size_t)(space - line.data) - 6 };
	address = (struct slice){ space + 1,
		line.len - (size_t)(space + 1 - line.data) };
	if (!is_address(address))
		return fail(FAIL_PROTOCOL, "relay said something else");
	/* A person may say anything here: only who they are is known. */
	if (s->who.person[0] != '\0') {
		memcpy(s->who.address, s->who.person, sizeof(s->who.address));
		return 0;
	}
	memcpy(s->who.address, address.data, address.len);
	if (slice_is(word, "none"))
		return 0;
	if (base64_decode(word, &blob) != 0 ||
	    public_key_fingerprint(bytes_slice(&blob), s->who.login) != 0)
		r = fail(FAIL_PROTOCOL, "relay said something else");
	bytes_reset(&blob);
	return r;
}

static int
take_slot(struct session *s)
{
	struct store_machine machine;
	char party[STORE_PERSON_MAX + 8] = "";
	int r = FAIL_NOT_FOUND;

	if (s->who.person[0] != '\0') {
		r = 0;
		snprintf(party, sizeof(party), "person %s", s->who.person);
	} else if (s->who.login[0] != '\0' &&
	    (r = store_machine_by_key(s->store, s->who.login, &machine)) == 0) {
		snprintf(party, sizeof(party), "machine %lld",
		    (long long)machine.number);
	}
	if (r != 0 && r != FAIL_NOT_FOUND)
		return r;
	s->known_login = r == 0;
	return s->known_login
	    ? slot_take(&s->settings, SLOT_FOR_KNOWN, party)
	    : slot_take(&s->settings, SLOT_FOR_STRANGERS, NULL);
}

/* --- the request ------------------------------------------------------- */

static int
remember(struct session *s, struct slice line)
{
	int r;

	if ((r = bytes_append(&s->said, line.data, line.len)) != 0)
		return r;
	return bytes_append(&s->said, "\n", 1);
}

static int
greet(struct session *s)
{
	struct bytes out = { 0 };
	int r;

	if ((r = message_put_greeting(&out)) == 0 &&
	    (r = bytes_append(&s->said, out.data, out.len)) == 0)
		send_bytes(&out);
	bytes_reset(&out);
	return r;
}

/* To the judge, unread but for where it ends. */
static int
pass_request(struct session *s)
{
	struct slice line;
	int r;

	do {
		if ((r = next_line(s, &line)) != 0)
			return r;
		if ((r = remember(s, line)) != 0 ||
		    (r = judge_add(s->judge, line)) != 0 ||
		    (r = judge_add(s->judge, slice_of_text("\n"))) != 0)
			return r;
	} while (!slice_is(line, "."));
	return 0;
}

/* "[user@]host" as typed: a request that another CA passed on is seen. */
static bool
is_for_us(const struct session *s)
{
	const struct settings *settings = &s->settings;
	const struct bytes *destination = &s->request.destination;
	const char *account =
	    s->who.person[0] != '\0' ? s->who.person : settings->login_account;
	const char *text = (const char *)destination->data, *at;
	size_t len = destination->len, user = 0;

	if ((at = memrchr(text, '@', len)) != NULL) {
		user = (size_t)(at - text);
		if (user != strlen(account) ||
		    strncmp(text, account, user) != 0)
			return false;
		user++;
	}
	for (size_t i = 0; i < settings->names.n; i++)
		if (strlen(settings->names.text[i]) == len - user &&
		    strncasecmp(
			settings->names.text[i], text + user, len - user) == 0)
			return true;
	return false;
}

static int
identify(struct session *s)
{
	int r;

	s->who.request = &s->request;
	if ((r = machine_id(&s->request.ek, s->who.id)) != 0)
		return r;
	return public_key_fingerprint(
	    bytes_slice(&s->request.blob), s->who.fingerprint);
}

/* True when the request is good, and it is known what it says. */
static bool
take_request(struct session *s)
{
	enum message_code code = MESSAGE_UNAVAILABLE;
	struct text text = { 0 };
	int r = pass_request(s);

	s->asked = r == 0 || r == FAIL_PROTOCOL;
	if (!s->asked) {
		if (r == FAIL_CA_LATER)
			send_error(MESSAGE_TIMEOUT, log_cause());
		return false;
	}
	r = judge_result(s->judge, s->deadline, &s->request, &code, &text);
	if (r == FAIL_EVIDENCE) {
		refuse(s, code, NULL, text.s);
		return false;
	}
	if (r != 0 || (!s->request.lists_alone && (r = identify(s)) != 0)) {
		unavailable(r);
		return false;
	}
	if (!is_for_us(s)) {
		refuse(s, MESSAGE_DESTINATION, NULL,
		    "the request is for another CA, or another account of it");
		return false;
	}
	return true;
}

/* --- lists alone ------------------------------------------------------- */

/* Nothing is decided, so there is no row. Strangers learn nothing. */
static void
hand_out_lists(struct session *s)
{
	struct bytes out = { 0 };
	int r;

	if (!s->known_login) {
		refuse(s, MESSAGE_LOGIN, NULL,
		    "no machine of this CA has the key that logged in");
		return;
	}
	if ((r = lists_put(&out, s->store, &s->settings, s->request.wants,
		 time(NULL))) != 0)
		unavailable(r);
	else
		send_bytes(&out);
	bytes_reset(&out);
}

/* --- the challenge ----------------------------------------------------- */

static int
send_challenge(struct session *s)
{
	const struct slice name = { s->request.key_name,
		sizeof(s->request.key_name) };
	struct bytes id_object = { 0 }, encrypted = { 0 }, out = { 0 };
	int r;

	if (RAND_bytes(s->secret, sizeof(s->secret)) != 1)
		return fail(FAIL_INTERNAL, "no random numbers");
	if ((r = make_credential(&s->request.ek, name,
		 (struct slice){ s->secret, sizeof(s->secret) }, &id_object,
		 &encrypted)) == 0 &&
	    (r = message_put_challenge(&out, bytes_slice(&id_object),
		 bytes_slice(&encrypted))) == 0 &&
	    (r = bytes_append(&s->said, out.data, out.len)) == 0)
		send_bytes(&out);
	bytes_reset(&id_object);
	bytes_reset(&encrypted);
	bytes_reset(&out);
	return r;
}

static int
check_answer(struct session *s, struct slice line)
{
	struct machine_reader reader = { .state = MACHINE_ANSWER };
	int r;

	if ((r = machine_reader_take(&reader, line)) == 0)
		r = message_check_answer(
		    (struct slice){ s->secret, sizeof(s->secret) },
		    bytes_slice(&s->said), reader.answer);
	machine_reader_reset(&reader);
	return r;
}

/* True when the machine's TPM has shown that it has the key. */
static bool
challenge(struct session *s)
{
	struct slice line;
	int r;

	judge_end(s->judge);
	s->judge = NULL;
	if ((r = send_challenge(s)) != 0) {
		unavailable(r);
		return false;
	}
	if ((r = next_line(s, &line)) == 0)
		r = check_answer(s, line);
	explicit_bzero(s->secret, sizeof(s->secret));
	switch (r) {
	case 0:
		return true;
	case FAIL_EVIDENCE:
		refuse(s, MESSAGE_ANSWER, NULL, log_cause());
		return false;
	case FAIL_CA_LATER:
		refuse(s, MESSAGE_TIMEOUT, NULL, log_cause());
		return false;
	case FAIL_PROTOCOL:
		refuse(s, MESSAGE_SYNTAX, NULL, log_cause());
		return false;
	case FAIL_UNREACHABLE:
		refuse(s, MESSAGE_ANSWER, NULL,
		    "the connection ended before the answer");
		return false;
	default:
		unavailable(r);
		return false;
	}
}

/* --- the certificate --------------------------------------------------- */

/* Before the store is written to: it may take a while. */
static int
ask_inventory(struct session *s)
{
	bool asks;
	int r;

	if ((r = admission_asks_inventory(
		 s->store, &s->settings, &s->who, &asks)) != 0 ||
	    !asks)
		return r;
	if ((r = inventory_ask(
		 &s->settings, s->who.id, &s->request, &s->inventory)) == 0)
		s->who.inventory = &s->inventory;
	return r;
}

static void
admit(struct session *s)
{
	struct admission admission;
	struct bytes out = { 0 };
	int r;

	s->who.now = time(NULL);
	if ((r = ask_inventory(s)) == 0)
		r = certify(s->store, &s->settings, &s->who, &admission, &out);
	if (r != 0)
		unavailable(r);
	else if (admission.outcome == REFUSED)
		refuse(s, admission.code, admission.machine.name,
		    admission.text.s);
	else
		send_bytes(&out);
	bytes_reset(&out);
}

/* --- a connection ------------------------------------------------------ */

static void
converse(struct session *s)
{
	int r = take_slot(s);

	if (r == FAIL_CA_LATER) {
		log_info("%s", log_cause());
		send_error(MESSAGE_BUSY, "too many others are being served");
		return;
	}
	if (r != 0 || (r = greet(s)) != 0) {
		unavailable(r);
		return;
	}
	s->deadline = clock_deadline(s->settings.timeout * 1000);
	if (take_request(s)) {
		if (s->request.lists_alone)
			hand_out_lists(s);
		else if (challenge(s))
			admit(s);
	}
	if (!s->asked)
		count_incomplete(s);
}

static int
prepare(struct session *s, const char *path)
{
	int r;

	if ((r = settings_read(path, &s->settings)) != 0)
		return r;
	if (s->settings.names.n == 0)
		return fail(FAIL_CONFIG,
		    "%s has no Names, by which machines call this CA", path);
	/* Whoever does not read what is sent is not waited for. */
	(void)setsockopt(STDOUT_FILENO, SOL_SOCKET, SO_SNDTIMEO,
	    &(struct timeval){ .tv_sec = s->settings.timeout },
	    sizeof(struct timeval));
	/* First of all, while there is nothing for it to inherit. */
	if ((r = judge_start(&s->settings, &s->judge)) != 0 ||
	    (r = runtime_make(&s->settings)) != 0 || (r = check_peer(s)) != 0)
		return r;
	return store_open(s->settings.store, STORE_EXISTING, &s->store);
}

static void
serve(const char *path)
{
	struct session s = {
		.lines = { .most = MESSAGE_MACHINE_MAX },
		.deadline = clock_deadline(LOGIN_SECONDS * 1000),
	};
	int r;

	if ((r = prepare(&s, path)) != 0)
		unavailable(r);
	else if ((r = read_login(&s)) != 0)
		unavailable(r);
	else
		converse(&s);
	judge_end(s.judge);
	store_close(s.store);
	message_lines_reset(&s.lines);
	bytes_reset(&s.said);
	judged_request_reset(&s.request);
	inventory_reset(&s.inventory);
	settings_reset(&s.settings);
	explicit_bzero(s.secret, sizeof(s.secret));
}

int
main(int argc, char **argv)
{
	log_set_program("sk-tpm-ca");
	log_begin();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	if (argc > 2) {
		fprintf(stderr, "usage: serve [CONFIG]\n");
		return 2;
	}
	serve(argc == 2 ? argv[1] : SETTINGS_FILE);
	return 0;
}
