/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "attest/message.h"
#include "attest/message-parts.h"
#include "base/error.h"
#include "base/log.h"

/* The type of a request for the CA's lists alone. */
#define NO_CERTIFICATE "none"

/* The lines of a request, in their order. */
enum {
	LINE_FOR,
	LINE_TYPE,
	LINE_WANT_CA_KEYS,
	LINE_WANT_KRL,
	LINE_NAME,
	LINE_KEY,
	LINE_BINDING,
	LINE_PUBLIC,
	LINE_EK,
	LINE_EK_CERT,
	LINE_END,
	LINES,
};

static const struct {
	const char *begins;
	bool optional;
} request_lines[LINES] = {
	[LINE_FOR] = { "for ", false },
	[LINE_TYPE] = { "type ", false },
	[LINE_WANT_CA_KEYS] = { "want ca-keys", true },
	[LINE_WANT_KRL] = { "want krl", true },
	[LINE_NAME] = { "name ", true },
	[LINE_KEY] = { "key ", false },
	[LINE_BINDING] = { "binding ", false },
	[LINE_PUBLIC] = { "public ", false },
	[LINE_EK] = { "ek ", false },
	[LINE_EK_CERT] = { "ek-cert ", true },
	[LINE_END] = { ".", false },
};

/* What a request has that asks for a certificate. */
static bool
is_evidence(unsigned int which)
{
	return which >= LINE_NAME && which <= LINE_EK_CERT;
}

/* Which line it is, of those that may come now; *line is what follows. */
static unsigned int
find_request_line(unsigned int next, bool lists_alone, struct slice *line)
{
	for (; next < LINES; next++) {
		if (lists_alone && is_evidence(next))
			continue;
		if (part_take_prefix(line, request_lines[next].begins))
			return next;
		if (!request_lines[next].optional)
			break;
	}
	return LINES;
}

static int
read_certificate(struct slice in, struct message_request *request)
{
	int r;

	if (request->n_certificates == MESSAGE_CERTIFICATES_MAX)
		return part_fail("too many certificates");
	if ((r = part_read_base64(
		 in, &request->certificates[request->n_certificates])) == 0)
		request->n_certificates++;
	return r;
}

static int
read_flag(struct slice rest, unsigned int want, struct message_request *request)
{
	if (rest.len != 0)
		return part_fail("words");
	request->wants |= want;
	return 0;
}

static int
read_request_line(
    unsigned int which, struct slice rest, struct message_request *request)
{
	switch (which) {
	case LINE_FOR:
		return part_read_text(rest,
		    part_is_word(rest, MESSAGE_TEXT_MAX),
		    &request->destination);
	case LINE_TYPE:
		return slice_is(rest, NO_CERTIFICATE)
		    ? 0
		    : part_read_type(rest, &request->type);
	case LINE_WANT_CA_KEYS:
		return read_flag(rest, MESSAGE_WANT_CA_KEYS, request);
	case LINE_WANT_KRL:
		return read_flag(rest, MESSAGE_WANT_KRL, request);
	case LINE_NAME:
		return part_read_text(
		    rest, part_is_text(rest, MESSAGE_NAME_MAX), &request->name);
	case LINE_KEY:
		return part_read_base64(rest, &request->key);
	case LINE_BINDING:
		return part_read_base64(rest, &request->binding);
	case LINE_PUBLIC:
		return part_read_base64(rest, &request->public);
	case LINE_EK:
		return part_read_base64(rest, &request->ek);
	case LINE_EK_CERT:
		return read_certificate(rest, request);
	case LINE_END:
		return read_flag(rest, 0, request);
	default:
		return part_fail("order of lines");
	}
}

static int
read_request(struct machine_reader *reader, struct slice line)
{
	bool lists_alone =
	    reader->next > LINE_TYPE && reader->request.type == 0;
	unsigned int which =
	    find_request_line(reader->next, lists_alone, &line);
	int r;

	if ((r = read_request_line(which, line, &reader->request)) != 0)
		return r;
	reader->next = which == LINE_EK_CERT ? which : which + 1;
	if (which == LINE_END)
		reader->state = lists_alone ? MACHINE_DONE : MACHINE_ANSWER;
	return 0;
}

static int
read_answer(struct slice line, uint8_t ret[SHA256_LEN])
{
	struct bytes answer = { 0 };
	int r;

	if (!part_take_prefix(&line, "answer "))
		return part_fail("no answer");
	if ((r = part_read_base64(line, &answer)) == 0 &&
	    answer.len != SHA256_LEN)
		r = part_fail("length of the answer");
	if (r == 0)
		memcpy(ret, answer.data, SHA256_LEN);
	bytes_reset(&answer);
	return r;
}

int
machine_reader_take(struct machine_reader *reader, struct slice line)
{
	int r;

	switch (reader->state) {
	case MACHINE_VERSION:
		if ((r = part_read_version(line)) == 0)
			reader->state = MACHINE_REQUEST;
		return r;
	case MACHINE_REQUEST:
		return read_request(reader, line);
	case MACHINE_ANSWER:
		if ((r = read_answer(line, reader->answer)) == 0)
			reader->state = MACHINE_DONE;
		return r;
	default:
		return part_fail("lines behind the end");
	}
}

void
message_request_reset(struct message_request *request)
{
	bytes_reset(&request->destination);
	bytes_reset(&request->name);
	bytes_reset(&request->key);
	bytes_reset(&request->binding);
	bytes_reset(&request->public);
	bytes_reset(&request->ek);
	for (size_t i = 0; i < request->n_certificates; i++)
		bytes_reset(&request->certificates[i]);
	*request = (struct message_request){ 0 };
}

void
machine_reader_reset(struct machine_reader *reader)
{
	message_request_reset(&reader->request);
	*reader = (struct machine_reader){ 0 };
}

static int
check_request(const struct message_request *request)
{
	if (!part_is_word(bytes_slice(&request->destination), MESSAGE_TEXT_MAX))
		return fail(FAIL_ARGUMENT,
		    "the CA's address is longer than %d bytes, or has another "
		    "character than printable ASCII",
		    MESSAGE_TEXT_MAX);
	if (request->name.len > 0 &&
	    !part_is_text(bytes_slice(&request->name), MESSAGE_NAME_MAX))
		return fail(FAIL_ARGUMENT,
		    "the machine's name is longer than %d bytes, or has "
		    "another character than printable ASCII",
		    MESSAGE_NAME_MAX);
	return 0;
}

/* What it says before the evidence. */
static int
put_wishes(struct bytes *out, const struct message_request *request)
{
	int r;

	if ((r = part_put_text_line(
		 out, "for", bytes_slice(&request->destination))) != 0 ||
	    (r = part_put_text_line(out, "type",
		 slice_of_text(request->type == 0
			 ? NO_CERTIFICATE
			 : part_types[request->type]))) != 0 ||
	    ((request->wants & MESSAGE_WANT_CA_KEYS) != 0 &&
		(r = part_put(out, "want ca-keys\n")) != 0) ||
	    ((request->wants & MESSAGE_WANT_KRL) != 0 &&
		(r = part_put(out, "want krl\n")) != 0) ||
	    request->name.len == 0)
		return r;
	return part_put_text_line(out, "name", bytes_slice(&request->name));
}

int
message_put_request(struct bytes *out, const struct message_request *request)
{
	int r;

	if ((r = check_request(request)) != 0 ||
	    (r = message_put_greeting(out)) != 0 ||
	    (r = put_wishes(out, request)) != 0)
		return r;
	if (request->type == 0)
		return message_put_end(out);
	if ((r = part_put_base64(out, "key", bytes_slice(&request->key))) !=
		0 ||
	    (r = part_put_base64(
		 out, "binding", bytes_slice(&request->binding))) != 0 ||
	    (r = part_put_base64(
		 out, "public", bytes_slice(&request->public))) != 0 ||
	    (r = part_put_base64(out, "ek", bytes_slice(&request->ek))) != 0)
		return r;
	for (size_t i = 0; i < request->n_certificates; i++)
		if ((r = part_put_base64(out, "ek-cert",
			 bytes_slice(&request->certificates[i]))) != 0)
			return r;
	return message_put_end(out);
}

int
message_put_answer(struct bytes *out, const uint8_t answer[SHA256_LEN])
{
	return part_put_base64(
	    out, "answer", (struct slice){ answer, SHA256_LEN });
}
