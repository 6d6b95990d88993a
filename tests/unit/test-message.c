/* SPDX-License-Identifier: ISC */
/* sk-tpm-attest, as PROTOCOL.md has it in section 5, and other lines. */
#include "unit.h"

#include <openssl/hmac.h>

#include "attest/make-credential.h"
#include "attest/message.h"
#include "attest/verify.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/log.h"
#include "base/wire.h"
#include "failing.h"
#include "protocol.h"
#include "ssh/sshkey.h"

FAILING(void *, malloc, (size_t n), (n), NULL)
FAILING(int, EVP_Digest,
    (const void *data, size_t n, unsigned char *md, unsigned int *size,
	const EVP_MD *type, ENGINE *impl),
    (data, n, md, size, type, impl), 0)
FAILING(unsigned char *, HMAC,
    (const EVP_MD *md, const void *key, int key_len, const unsigned char *data,
	size_t n, unsigned char *mac, unsigned int *len),
    (md, key, key_len, data, n, mac, len), NULL)

#define WANTS (MESSAGE_WANT_CA_KEYS | MESSAGE_WANT_KRL)

/* --- the example ------------------------------------------------------- */

/* What each side says in it, and what both say up to the challenge. */
static struct {
	struct bytes machine, ca, before_answer;
} example;

static int
read_example(void **state)
{
	struct bytes text = { 0 };
	struct slice rest;

	(void)state;
	protocol_text("sk-tpm-attest", &text);
	rest = bytes_slice(&text);
	while (rest.len > 0) {
		size_t len = (size_t)((const uint8_t *)memchr(
					  rest.data, '\n', rest.len) -
				 rest.data) +
		    1;
		struct slice line = { rest.data + 3, len - 3 };
		struct bytes *side =
		    rest.data[0] == 'C' ? &example.machine : &example.ca;

		assert_memory_equal(rest.data + 1, ": ", 2);
		assert_int_equal(bytes_append(side, line.data, line.len), 0);
		if (!slice_begins(line, "answer ") &&
		    (side == &example.machine ||
			slice_begins(line, "sk-tpm-attest ") ||
			slice_begins(line, "challenge ")))
			assert_int_equal(bytes_append(&example.before_answer,
					     line.data, line.len),
			    0);
		rest.data += len;
		rest.len -= len;
	}
	bytes_reset(&text);
	return 0;
}

static int
forget_example(void **state)
{
	(void)state;
	bytes_reset(&example.machine);
	bytes_reset(&example.ca);
	bytes_reset(&example.before_answer);
	return 0;
}

/* --- reading all lines of a text --------------------------------------- */

static int
read_machine(struct slice in, struct machine_reader *ret)
{
	struct message_lines lines = { .most = MESSAGE_MACHINE_MAX };
	struct slice line;
	int r = message_lines_add(&lines, in);

	while (r == 0 && message_lines_next(&lines, &line))
		r = machine_reader_take(ret, line);
	message_lines_reset(&lines);
	return r;
}

static int
read_ca(struct slice in, struct ca_reader *ret)
{
	struct message_lines lines = { .most = MESSAGE_CA_MAX };
	struct slice line;
	int r = message_lines_add(&lines, in);

	while (r == 0 && message_lines_next(&lines, &line))
		r = ca_reader_take(ret, line);
	message_lines_reset(&lines);
	return r;
}

static int
machine_says(const char *text)
{
	struct machine_reader reader = { 0 };
	int r = read_machine(slice_of_text(text), &reader);

	machine_reader_reset(&reader);
	return r;
}

static int
ca_says(const char *text)
{
	struct ca_reader reader = { .wants = WANTS };
	int r = read_ca(slice_of_text(text), &reader);

	ca_reader_reset(&reader);
	return r;
}

static void
test_example_to_the_ca(void **state)
{
	struct machine_reader reader = { 0 };
	const struct message_request *rq = &reader.request;
	struct verified_key key = { 0 };
	struct evidence evidence;
	struct bytes again = { 0 };
	struct ek_public ek;

	(void)state;
	assert_int_equal(
	    read_machine(bytes_slice(&example.machine), &reader), 0);
	assert_int_equal(reader.state, MACHINE_DONE);
	assert_true(slice_is(
	    bytes_slice(&rq->destination), "sk-tpm-ca@ca.example.com"));
	assert_int_equal(rq->type, CERTIFICATE_HOST);
	assert_int_equal(rq->wants, MESSAGE_WANT_CA_KEYS);
	assert_true(slice_is(bytes_slice(&rq->name), "web1"));
	assert_int_equal(rq->n_certificates, 0);
	evidence = (struct evidence){ bytes_slice(&rq->key),
		bytes_slice(&rq->binding), bytes_slice(&rq->public) };
	assert_int_equal(verify_key(&evidence, &key), 0);
	assert_int_equal(key.name[2], 0x91);
	assert_int_equal(key.name[33], 0xf8);
	assert_int_equal(ek_public_parse(bytes_slice(&rq->ek), &ek), 0);
	assert_int_equal(ek.type, EK_P256);
	assert_int_equal(message_put_request(&again, rq), 0);
	assert_int_equal(message_put_answer(&again, reader.answer), 0);
	assert_true(
	    slice_equal(bytes_slice(&again), bytes_slice(&example.machine)));
	verified_key_reset(&key);
	bytes_reset(&again);
	machine_reader_reset(&reader);
}

static void
test_example_to_the_machine(void **state)
{
	struct ca_reader reader = { .wants = MESSAGE_WANT_CA_KEYS };
	struct bytes again = { 0 };

	(void)state;
	assert_int_equal(read_ca(bytes_slice(&example.ca), &reader), 0);
	assert_int_equal(reader.state, CA_DONE);
	assert_int_equal(reader.n_ca_keys, 1);
	assert_int_equal(reader.ca_keys[0].certificate_type, CERTIFICATE_HOST);
	assert_int_equal(reader.krl.len, 0);
	assert_int_equal(message_put_greeting(&again), 0);
	assert_int_equal(
	    message_put_challenge(&again, bytes_slice(&reader.id_object),
		bytes_slice(&reader.encrypted_secret)),
	    0);
	assert_int_equal(
	    message_put_certificate(&again, bytes_slice(&reader.certificate)),
	    0);
	assert_int_equal(message_put_ca_key(&again, &reader.ca_keys[0]), 0);
	assert_int_equal(message_put_end(&again), 0);
	assert_true(slice_equal(bytes_slice(&again), bytes_slice(&example.ca)));
	bytes_reset(&again);
	ca_reader_reset(&reader);
}

static void
test_answer_of_the_example(void **state)
{
	struct slice lines = bytes_slice(&example.before_answer);
	struct machine_reader reader = { 0 };
	uint8_t secret[33], answer[SHA256_LEN];
	struct slice s = { secret, 32 };

	(void)state;
	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)i;
	assert_int_equal(
	    read_machine(bytes_slice(&example.machine), &reader), 0);
	assert_int_equal(message_answer(s, lines, answer), 0);
	assert_memory_equal(answer, reader.answer, sizeof(answer));
	assert_int_equal(message_check_answer(s, lines, answer), 0);
	for (size_t i = 0; i < sizeof(answer); i++) {
		answer[i] ^= 1;
		assert_int_equal(
		    message_check_answer(s, lines, answer), FAIL_EVIDENCE);
		answer[i] ^= 1;
	}
	lines.len--;
	assert_int_equal(message_check_answer(s, lines, answer), FAIL_EVIDENCE);
	for (s.len = 0; s.len < 34; s.len += s.len == 31 ? 2 : 1)
		assert_int_equal(
		    message_answer(s, lines, answer), FAIL_PROTOCOL);
	assert_int_equal(message_check_answer(s, lines, answer), FAIL_PROTOCOL);
	machine_reader_reset(&reader);
}

/* --- lists alone ------------------------------------------------------- */

#define LISTS                  \
	"sk-tpm-attest 1\n"    \
	"for ca.example.com\n" \
	"type none\n"

static void
test_lists_to_the_ca(void **state)
{
	static const char all[] = LISTS "want ca-keys\nwant krl\n.\n";
	static const char *const bad[] = {
		LISTS "name web1\n.\n",
		LISTS "key AAAA\n.\n",
		LISTS "want krl\nwant ca-keys\n.\n",
		LISTS "want krl\n.\n.\n",
		LISTS ".\nanswer AAAA\n",
		"sk-tpm-attest 1\nfor ca.example.com\n.\n",
	};
	struct machine_reader reader = { 0 };
	struct bytes again = { 0 };

	(void)state;
	assert_int_equal(read_machine(slice_of_text(all), &reader), 0);
	assert_int_equal(reader.state, MACHINE_DONE);
	assert_int_equal(reader.request.type, 0);
	assert_int_equal(reader.request.wants, WANTS);
	assert_int_equal(message_put_request(&again, &reader.request), 0);
	assert_true(slice_is(bytes_slice(&again), all));
	bytes_reset(&again);
	machine_reader_reset(&reader);
	assert_int_equal(machine_says(LISTS ".\n"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(machine_says(bad[i]), FAIL_PROTOCOL);
}

static void
test_lists_to_the_machine(void **state)
{
	static const struct {
		const char *says;
		int r;
		enum ca_state state;
	} cases[] = {
		{ "sk-tpm-attest 1\n.\n", 0, CA_DONE },
		{ "sk-tpm-attest 1\nkrl AAAA\n.\n", 0, CA_DONE },
		{ "sk-tpm-attest 1\nkrl AAAA\n", 0, CA_MORE },
		{ "sk-tpm-attest 1\nerror login who\n", 0, CA_ERROR },
		{ "sk-tpm-attest 1\nchallenge AAAA AAAA\n", FAIL_PROTOCOL,
		    CA_MORE },
		{ "sk-tpm-attest 1\ncertificate AAAA\n", FAIL_PROTOCOL,
		    CA_MORE },
		{ "sk-tpm-attest 1\npending a\n", FAIL_PROTOCOL, CA_MORE },
		{ "sk-tpm-attest 1\nkrl AAAA\nerror login who\n", FAIL_PROTOCOL,
		    CA_MORE },
		{ "sk-tpm-attest 1\n.\n.\n", FAIL_PROTOCOL, CA_DONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ca_reader reader = { .wants = WANTS,
			.lists_alone = true };

		assert_int_equal(
		    read_ca(slice_of_text(cases[i].says), &reader), cases[i].r);
		assert_int_equal(reader.state, cases[i].state);
		assert_int_equal(reader.certificate.len, 0);
		ca_reader_reset(&reader);
	}
}

/* --- lines ------------------------------------------------------------- */

/* However they arrive, in which pieces. */
static void
test_pieces(void **state)
{
	struct slice in = bytes_slice(&example.machine), line;

	(void)state;
	for (size_t piece = 1; piece < 40; piece += 6) {
		struct message_lines lines = { .most = in.len };
		struct machine_reader reader = { 0 };

		for (size_t at = 0; at < in.len; at += piece) {
			struct slice part = { in.data + at,
				in.len - at < piece ? in.len - at : piece };

			assert_int_equal(message_lines_add(&lines, part), 0);
			while (message_lines_next(&lines, &line))
				assert_int_equal(
				    machine_reader_take(&reader, line), 0);
		}
		assert_int_equal(reader.state, MACHINE_DONE);
		assert_int_equal(message_lines_add(&lines, in), FAIL_PROTOCOL);
		machine_reader_reset(&reader);
		message_lines_reset(&lines);
	}
}

static void
test_longest_line(void **state)
{
	struct message_lines lines = { .most = MESSAGE_MACHINE_MAX };
	static uint8_t text[MESSAGE_LINE_MAX];
	struct slice line;

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(message_lines_add(&lines,
			     (struct slice){ text, MESSAGE_LINE_MAX - 1 }),
	    0);
	assert_false(message_lines_next(&lines, &line));
	assert_int_equal(message_lines_add(&lines, (struct slice){ text, 1 }),
	    FAIL_PROTOCOL);
	message_lines_reset(&lines);
	lines = (struct message_lines){ .most = MESSAGE_MACHINE_MAX };
	text[MESSAGE_LINE_MAX - 1] = '\n';
	assert_int_equal(
	    message_lines_add(&lines, (struct slice){ text, sizeof(text) }), 0);
	assert_true(message_lines_next(&lines, &line));
	assert_int_equal(line.len, MESSAGE_LINE_MAX - 1);
	assert_false(message_lines_next(&lines, &line));
	message_lines_reset(&lines);
	/* Too long, and whole at once. */
	lines = (struct message_lines){ .most = MESSAGE_MACHINE_MAX };
	assert_int_equal(
	    message_lines_add(&lines, (struct slice){ text, 8 }), 0);
	assert_int_equal(
	    message_lines_add(&lines, (struct slice){ text, sizeof(text) }),
	    FAIL_PROTOCOL);
	message_lines_reset(&lines);
}

/* --- what is refused --------------------------------------------------- */

/* Where the lines of a text begin; returns how many there are. */
static size_t
split(struct slice in, struct slice ret[16])
{
	size_t n = 0;

	while (in.len > 0) {
		const uint8_t *end = memchr(in.data, '\n', in.len);

		ret[n] = (struct slice){ in.data, (size_t)(end - in.data) + 1 };
		in.data += ret[n].len;
		in.len -= ret[n++].len;
	}
	return n;
}

enum damage {
	DAMAGE_LEFT_OUT,
	DAMAGE_DOUBLED,
	DAMAGE_SWAPPED, /* with the next */
	DAMAGE_LONGER,	/* by a space at its end */
	DAMAGE_NOT_ASCII,
	DAMAGE_NUL,
	DAMAGES,
};

static void
damage(const struct slice *lines, size_t n, size_t which, enum damage how,
    struct bytes *ret)
{
	static const char *const tails[] = { [DAMAGE_LONGER] = " \n",
		[DAMAGE_NOT_ASCII] = "\xc3\xa4\n",
		[DAMAGE_NUL] = "\0\n" };

	bytes_reset(ret);
	for (size_t i = 0; i < n; i++) {
		struct slice line = lines[i];
		size_t times = 1;

		if (how == DAMAGE_SWAPPED && i == which)
			line = lines[i + 1];
		else if (how == DAMAGE_SWAPPED && i == which + 1)
			line = lines[which];
		if (i == which && how == DAMAGE_LEFT_OUT)
			times = 0;
		if (i == which && how == DAMAGE_DOUBLED)
			times = 2;
		while (times-- > 0)
			assert_int_equal(
			    bytes_append(ret, line.data, line.len), 0);
		if (i == which && how >= DAMAGE_LONGER) {
			ret->len--;
			assert_int_equal(bytes_append(ret, tails[how],
					     how == DAMAGE_NOT_ASCII ? 3 : 2),
			    0);
		}
	}
}

/* A machine that makes each of the mistakes, in each line. */
static void
test_damaged_request(void **state)
{
	struct slice lines[16];
	size_t n = split(bytes_slice(&example.machine), lines);
	struct bytes text = { 0 };

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (enum damage how = 0; how < DAMAGES; how++) {
			struct machine_reader reader = { 0 };
			bool optional = slice_begins(lines[i], "want ") ||
			    slice_begins(lines[i], "name ");
			int r;

			if (how == DAMAGE_SWAPPED && i == n - 1)
				continue;
			damage(lines, n, i, how, &text);
			r = read_machine(bytes_slice(&text), &reader);
			if (how == DAMAGE_LEFT_OUT && optional) {
				assert_int_equal(r, 0);
				assert_int_equal(reader.state, MACHINE_DONE);
			} else if (how == DAMAGE_LEFT_OUT && i == n - 1) {
				assert_int_equal(reader.state, MACHINE_ANSWER);
			} else if (i == 0 && how >= DAMAGE_LONGER) {
				assert_int_equal(r, FAIL_VERSION);
			} else {
				assert_int_equal(r, FAIL_PROTOCOL);
			}
			machine_reader_reset(&reader);
		}
	bytes_reset(&text);
}

static void
test_damaged_answers_of_a_ca(void **state)
{
	struct slice lines[16];
	size_t n = split(bytes_slice(&example.ca), lines);
	struct bytes text = { 0 };

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (enum damage how = 0; how < DAMAGES; how++) {
			struct ca_reader reader = { .wants = WANTS };
			bool ca_key = slice_begins(lines[i], "ca-key ");
			int r;

			if (how == DAMAGE_SWAPPED && i == n - 1)
				continue;
			damage(lines, n, i, how, &text);
			r = read_ca(bytes_slice(&text), &reader);
			if (ca_key &&
			    (how == DAMAGE_LEFT_OUT || how == DAMAGE_DOUBLED))
				assert_int_equal(reader.state, CA_DONE);
			else if (i == n - 1 && how == DAMAGE_LEFT_OUT)
				assert_int_equal(reader.state, CA_MORE);
			else if (i == 0 && how >= DAMAGE_LONGER)
				assert_int_equal(r, FAIL_VERSION);
			else
				assert_int_equal(r, FAIL_PROTOCOL);
			ca_reader_reset(&reader);
		}
	bytes_reset(&text);
}

static void
test_versions(void **state)
{
	(void)state;
	assert_int_equal(machine_says("sk-tpm-attest 2\n"), FAIL_VERSION);
	assert_int_equal(machine_says("sk-tpm-attest 1 \n"), FAIL_VERSION);
	assert_int_equal(machine_says("sk-tpm-attest\n"), FAIL_PROTOCOL);
	assert_int_equal(machine_says("SSH-2.0-OpenSSH_9.2\n"), FAIL_PROTOCOL);
	assert_int_equal(machine_says("\n"), FAIL_PROTOCOL);
	assert_int_equal(machine_says("sk-tpm-attest 1\n"), 0);
	assert_int_equal(ca_says("sk-tpm-attest 2\n"), FAIL_VERSION);
	assert_int_equal(ca_says("pending ask later\n"), FAIL_PROTOCOL);
}

static void
test_other_requests(void **state)
{
	static const char *const bad[] = {
		"for \n",
		"for a b\n",
		"for  ca\n",
		"for ca\ntype\n",
		"for ca\ntype admin\n",
		"for ca\ntype user\nwant ca-keys please\n",
		"for ca\ntype user\nwant krl\nwant ca-keys\n",
		"for ca\ntype user\nname \n",
		"for ca\ntype user\nname  x\n",
		"for ca\ntype user\nname x \n",
		"for ca\ntype user\nname a\x7f"
		"b\n",
		"for ca\ntype user\nname a\tb\n",
		"for ca\ntype user\nkey \n",
		"for ca\ntype user\nkey AA\n",
		"for ca\ntype user\nkey AB==\n",
		"for ca\ntype user\nkey AA== \n",
		"for ca\ntype user\nkey AA==\r\n",
		"for ca\ntype user\nKey AA==\n",
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "sk-tpm-attest 1\n%s", bad[i]);
		assert_int_equal(machine_says(text), FAIL_PROTOCOL);
	}
	assert_int_equal(machine_says("sk-tpm-attest 1\nfor ca\ntype user\n"
				      "name a b\nkey AA==\n"),
	    0);
}

static void
test_limits(void **state)
{
	char text[2048], long_text[MESSAGE_TEXT_MAX + 2];
	struct machine_reader reader = { 0 };

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	snprintf(text, sizeof(text), "sk-tpm-attest 1\nfor %s\n", long_text);
	assert_int_equal(machine_says(text), FAIL_PROTOCOL);
	snprintf(
	    text, sizeof(text), "sk-tpm-attest 1\nfor %s\n", long_text + 1);
	assert_int_equal(machine_says(text), 0);
	for (int n = MESSAGE_NAME_MAX; n <= MESSAGE_NAME_MAX + 1; n++) {
		snprintf(text, sizeof(text),
		    "sk-tpm-attest 1\nfor ca\ntype user\nname %.*s\n", n,
		    long_text);
		assert_int_equal(machine_says(text),
		    n > MESSAGE_NAME_MAX ? FAIL_PROTOCOL : 0);
	}
	snprintf(text, sizeof(text),
	    "sk-tpm-attest 1\nfor ca\ntype user\nkey AA==\nbinding AA==\n"
	    "public AA==\nek AA==\n");
	for (int n = 0; n < MESSAGE_CERTIFICATES_MAX; n++)
		strcat(text, "ek-cert AQ==\n");
	assert_int_equal(read_machine(slice_of_text(text), &reader), 0);
	assert_int_equal(
	    reader.request.n_certificates, MESSAGE_CERTIFICATES_MAX);
	machine_reader_reset(&reader);
	strcat(text, "ek-cert AQ==\n");
	assert_int_equal(machine_says(text), FAIL_PROTOCOL);
}

static void
test_other_answers(void **state)
{
	struct machine_reader reader = { .state = MACHINE_ANSWER };

	(void)state;
	assert_int_equal(
	    machine_reader_take(&reader, slice_of_text("answer AQ==")),
	    FAIL_PROTOCOL);
	assert_int_equal(
	    machine_reader_take(&reader, slice_of_text("Answer AQ==")),
	    FAIL_PROTOCOL);
	assert_int_equal(
	    machine_reader_take(&reader, slice_of_text("answer x")),
	    FAIL_PROTOCOL);
	reader.state = MACHINE_DONE;
	assert_int_equal(
	    machine_reader_take(&reader, slice_of_text(".")), FAIL_PROTOCOL);
}

/* --- what a CA says besides -------------------------------------------- */

#define GREETED "sk-tpm-attest 1\n"
#define CHALLENGED GREETED "challenge AQ== Ag==\n"
#define CERTIFIED CHALLENGED "certificate Aw==\n"

static void
test_errors(void **state)
{
	static const char *const before[] = { "", GREETED, CHALLENGED };
	char text[1024];

	(void)state;
	for (unsigned int code = 0; code < MESSAGE_CODES; code++)
		for (size_t i = 0; i < 3; i++) {
			struct ca_reader reader = { 0 };
			struct bytes said = { 0 };

			assert_int_equal(
			    bytes_set(&said, before[i], strlen(before[i])), 0);
			assert_int_equal(
			    message_put_error(
				&said, (enum message_code)code, "so it is"),
			    0);
			assert_int_equal(
			    read_ca(bytes_slice(&said), &reader), 0);
			assert_int_equal(reader.state, CA_ERROR);
			assert_int_equal(reader.code, code);
			assert_true(
			    slice_is(bytes_slice(&reader.text), "so it is"));
			assert_int_equal(ca_reader_take(&reader,
					     slice_of_text("error busy x")),
			    FAIL_PROTOCOL);
			bytes_reset(&said);
			ca_reader_reset(&reader);
		}
	assert_int_equal(ca_says("error nonsense x\n"), FAIL_PROTOCOL);
	assert_int_equal(ca_says("error busy\n"), FAIL_PROTOCOL);
	assert_int_equal(ca_says("error busy  x\n"), FAIL_PROTOCOL);
	assert_int_equal(ca_says(CERTIFIED "error busy x\n"), FAIL_PROTOCOL);
	snprintf(text, sizeof(text), "error busy %0*d\n", MESSAGE_TEXT_MAX, 0);
	assert_int_equal(ca_says(text), 0);
	snprintf(
	    text, sizeof(text), "error busy %0*d\n", MESSAGE_TEXT_MAX + 1, 0);
	assert_int_equal(ca_says(text), FAIL_PROTOCOL);
}

/* The page has each code, with its status. */
static void
test_codes_of_the_page(void **state)
{
	char line[512], code[32];
	FILE *f = fopen("PROTOCOL.md", "re");
	unsigned int n = 0;
	int status, end = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "| `%31[a-z-]` | %d |%n", code, &status,
			&end) == 2 &&
		    end > 0) {
			end = 0;
			assert_true(n < MESSAGE_CODES);
			assert_string_equal(code, message_codes[n].name);
			assert_int_equal(status, message_codes[n].exit_status);
			n++;
		}
	assert_int_equal(n, MESSAGE_CODES);
	fclose(f);
}

static void
test_pending(void **state)
{
	struct ca_reader reader = { 0 };
	struct bytes said = { 0 };

	(void)state;
	assert_int_equal(bytes_set(&said, CHALLENGED, strlen(CHALLENGED)), 0);
	assert_int_equal(message_put_pending(&said, "ask later"), 0);
	assert_int_equal(read_ca(bytes_slice(&said), &reader), 0);
	assert_int_equal(reader.state, CA_PENDING);
	assert_true(slice_is(bytes_slice(&reader.text), "ask later"));
	ca_reader_reset(&reader);
	bytes_reset(&said);
	assert_int_equal(ca_says(CHALLENGED "pending\n"), FAIL_PROTOCOL);
	assert_int_equal(ca_says(CHALLENGED "pending \n"), FAIL_PROTOCOL);
	assert_int_equal(ca_says(GREETED "pending x\n"), FAIL_PROTOCOL);
}

static void
test_other_challenges(void **state)
{
	(void)state;
	assert_int_equal(ca_says(GREETED "challenge AQ==\n"), FAIL_PROTOCOL);
	assert_int_equal(
	    ca_says(GREETED "challenge AQ== AQ== AQ==\n"), FAIL_PROTOCOL);
	assert_int_equal(
	    ca_says(GREETED "challenge AQ==  AQ==\n"), FAIL_PROTOCOL);
	assert_int_equal(ca_says(GREETED "certificate AQ==\n"), FAIL_PROTOCOL);
	assert_int_equal(ca_says(CHALLENGED ".\n"), FAIL_PROTOCOL);
}

/* A key of type "x". */
#define KEY "AAAAAXg="

static void
test_ca_keys(void **state)
{
	struct ca_reader reader = { .wants = MESSAGE_WANT_KRL };
	struct message_ca_key key = { .certificate_type = CERTIFICATE_USER };
	struct bytes out = { 0 };
	char text[2048] = CERTIFIED;

	(void)state;
	assert_int_equal(ca_says(CERTIFIED "ca-key user x " KEY "\n.\n"), 0);
	assert_int_equal(
	    ca_says(CERTIFIED "ca-key user y " KEY "\n"), FAIL_PROTOCOL);
	assert_int_equal(
	    ca_says(CERTIFIED "ca-key admin x " KEY "\n"), FAIL_PROTOCOL);
	assert_int_equal(
	    ca_says(CERTIFIED "ca-key user  AAAAAA==\n"), FAIL_PROTOCOL);
	assert_int_equal(
	    ca_says(CERTIFIED "ca-key user x AAAA\n"), FAIL_PROTOCOL);
	assert_int_equal(ca_says(CERTIFIED "krl AQ==\nca-key user x " KEY "\n"),
	    FAIL_PROTOCOL);
	/* Where they are not wanted. */
	strcat(text, "ca-key user x " KEY "\n");
	assert_int_equal(read_ca(slice_of_text(text), &reader), FAIL_PROTOCOL);
	ca_reader_reset(&reader);
	for (int i = 1; i < MESSAGE_CA_KEYS_MAX; i++)
		strcat(text, "ca-key user x " KEY "\n");
	assert_int_equal(ca_says(text), 0);
	strcat(text, "ca-key user x " KEY "\n");
	assert_int_equal(ca_says(text), FAIL_PROTOCOL);
	assert_int_equal(message_put_ca_key(&out, &key), FAIL_INTERNAL);
	bytes_reset(&out);
}

static void
test_revocation_list(void **state)
{
	static const size_t lens[] = { 1, MESSAGE_KRL_PART - 1,
		MESSAGE_KRL_PART, MESSAGE_KRL_PART + 1, 3 * MESSAGE_KRL_PART };
	static uint8_t krl[3 * MESSAGE_KRL_PART];

	(void)state;
	for (size_t i = 0; i < sizeof(krl); i++)
		krl[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct ca_reader reader = { .wants = MESSAGE_WANT_KRL };
		struct slice rest = { krl, lens[i] };
		struct bytes said = { 0 };

		assert_int_equal(
		    bytes_set(&said, CERTIFIED, strlen(CERTIFIED)), 0);
		while (rest.len > 0)
			assert_int_equal(message_put_krl_part(&said, &rest), 0);
		assert_int_equal(message_put_end(&said), 0);
		assert_int_equal(read_ca(bytes_slice(&said), &reader), 0);
		assert_int_equal(reader.state, CA_DONE);
		assert_int_equal(reader.krl.len, lens[i]);
		assert_memory_equal(reader.krl.data, krl, lens[i]);
		ca_reader_reset(&reader);
		/* Where it is not wanted. */
		assert_int_equal(
		    read_ca(bytes_slice(&said), &reader), FAIL_PROTOCOL);
		ca_reader_reset(&reader);
		bytes_reset(&said);
	}
	assert_int_equal(
	    ca_says(CERTIFIED "krl AQ==\nkrl AQ==\n"), FAIL_PROTOCOL);
}

/* A part that is longer than others may be. */
static void
test_long_part(void **state)
{
	static uint8_t krl[MESSAGE_KRL_PART + 1];
	struct ca_reader reader = { .wants = WANTS };
	struct bytes said = { 0 };

	(void)state;
	assert_int_equal(
	    bytes_set(&said, CERTIFIED "krl ", strlen(CERTIFIED "krl ")), 0);
	assert_int_equal(
	    base64_put(&said, (struct slice){ krl, sizeof(krl) }), 0);
	assert_int_equal(bytes_append(&said, "\n", 1), 0);
	assert_int_equal(read_ca(bytes_slice(&said), &reader), FAIL_PROTOCOL);
	ca_reader_reset(&reader);
	bytes_reset(&said);
}

/* --- writing ----------------------------------------------------------- */

static void
set(struct bytes *b, const char *text)
{
	assert_int_equal(bytes_set(b, text, strlen(text)), 0);
}

static void
make_request(struct message_request *rq)
{
	*rq = (struct message_request){
		.type = CERTIFICATE_USER, .wants = WANTS, .n_certificates = 2
	};
	set(&rq->destination, "ca");
	set(&rq->name, "a machine");
	set(&rq->key, "key");
	set(&rq->binding, "binding");
	set(&rq->public, "public");
	set(&rq->ek, "ek");
	set(&rq->certificates[0], "first");
	set(&rq->certificates[1], "second");
}

static void
test_whole_request(void **state)
{
	struct machine_reader reader = { 0 };
	struct message_request rq;
	struct bytes said = { 0 };

	(void)state;
	make_request(&rq);
	assert_int_equal(message_put_request(&said, &rq), 0);
	assert_int_equal(read_machine(bytes_slice(&said), &reader), 0);
	assert_int_equal(reader.state, MACHINE_ANSWER);
	assert_int_equal(reader.request.wants, WANTS);
	assert_int_equal(reader.request.type, CERTIFICATE_USER);
	assert_int_equal(reader.request.n_certificates, 2);
	assert_true(
	    slice_is(bytes_slice(&reader.request.certificates[1]), "second"));
	machine_reader_reset(&reader);
	bytes_reset(&said);
	set(&rq.destination, "ca host");
	assert_int_equal(message_put_request(&said, &rq), FAIL_ARGUMENT);
	set(&rq.destination, "ca");
	set(&rq.name, "a\nb");
	assert_int_equal(message_put_request(&said, &rq), FAIL_ARGUMENT);
	assert_null(said.data);
	message_request_reset(&rq);
}

static void
test_texts_that_are_none(void **state)
{
	struct bytes out = { 0 };

	(void)state;
	assert_int_equal(message_put_pending(&out, "a\nb"), FAIL_INTERNAL);
	assert_int_equal(
	    message_put_error(&out, MESSAGE_BUSY, ""), FAIL_INTERNAL);
	assert_null(out.data);
}

/* All of a conversation; results are untouched by what failed. */
static int
converse(void)
{
	struct machine_reader machine = { 0 };
	struct ca_reader ca = { .wants = WANTS };
	struct bytes said = { 0 };
	uint8_t answer[SHA256_LEN] = { 0 };
	struct slice secret = {
		(const uint8_t *)"thirty-two bytes, as it has to be", 32
	};
	int r;

	if ((r = read_machine(bytes_slice(&example.machine), &machine)) == 0 &&
	    (r = read_ca(bytes_slice(&example.ca), &ca)) == 0 &&
	    (r = message_put_request(&said, &machine.request)) == 0 &&
	    (r = message_put_answer(&said, machine.answer)) == 0 &&
	    (r = message_put_challenge(&said, bytes_slice(&ca.id_object),
		 bytes_slice(&ca.encrypted_secret))) == 0 &&
	    (r = message_put_ca_key(&said, &ca.ca_keys[0])) == 0 &&
	    (r = message_put_error(&said, MESSAGE_BUSY, "x")) == 0 &&
	    (r = message_answer(secret, bytes_slice(&said), answer)) == 0)
		r = message_check_answer(secret, bytes_slice(&said), answer);
	bytes_reset(&said);
	machine_reader_reset(&machine);
	ca_reader_reset(&ca);
	return r;
}

static void
test_failures(void **state)
{
	int r;

	(void)state;
	EACH_FAILING(r = converse())
	assert_true(r == FAIL_MEMORY || r == FAIL_INTERNAL);
	assert_int_equal(r, 0);
}

#define TEST_NAME "message"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example_to_the_ca),
		cmocka_unit_test(test_example_to_the_machine),
		cmocka_unit_test(test_answer_of_the_example),
		cmocka_unit_test(test_lists_to_the_ca),
		cmocka_unit_test(test_lists_to_the_machine),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_damaged_request),
		cmocka_unit_test(test_damaged_answers_of_a_ca),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_other_requests),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_other_answers),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_codes_of_the_page),
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_other_challenges),
		cmocka_unit_test(test_ca_keys),
		cmocka_unit_test(test_revocation_list),
		cmocka_unit_test(test_long_part),
		cmocka_unit_test(test_whole_request),
		cmocka_unit_test(test_texts_that_are_none),
		cmocka_unit_test(test_failures),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    TEST_NAME, tests, read_example, forget_example);
}
