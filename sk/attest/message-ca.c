/* SPDX-License-Identifier: ISC */
#include "attest/message.h"
#include "attest/message-parts.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/log.h"
#include "base/wire.h"

#define EXIT_REFUSED 5
#define EXIT_LATER 6

const struct message_code_name message_codes[MESSAGE_CODES] = {
	[MESSAGE_VERSION] = { "version", EXIT_REFUSED },
	[MESSAGE_SYNTAX] = { "syntax", EXIT_REFUSED },
	[MESSAGE_DESTINATION] = { "destination", EXIT_REFUSED },
	[MESSAGE_KEY] = { "key", EXIT_REFUSED },
	[MESSAGE_LOGIN] = { "login", EXIT_REFUSED },
	[MESSAGE_EK] = { "ek", EXIT_REFUSED },
	[MESSAGE_EK_CERT] = { "ek-cert", EXIT_REFUSED },
	[MESSAGE_ANSWER] = { "answer", EXIT_REFUSED },
	[MESSAGE_UNKNOWN] = { "unknown", EXIT_REFUSED },
	[MESSAGE_DISABLED] = { "disabled", EXIT_REFUSED },
	[MESSAGE_PROFILE] = { "profile", EXIT_REFUSED },
	[MESSAGE_TIMEOUT] = { "timeout", EXIT_LATER },
	[MESSAGE_BUSY] = { "busy", EXIT_LATER },
	[MESSAGE_UNAVAILABLE] = { "unavailable", EXIT_LATER },
};

/* --- reading ----------------------------------------------------------- */

static int
read_error(struct ca_reader *reader, struct slice rest)
{
	struct slice code = part_take_word(&rest);
	int r;

	for (unsigned int i = 0; i < MESSAGE_CODES; i++)
		if (slice_is(code, message_codes[i].name)) {
			if ((r = part_read_text(rest,
				 part_is_text(rest, MESSAGE_TEXT_MAX),
				 &reader->text)) != 0)
				return r;
			reader->code = (enum message_code)i;
			reader->state = CA_ERROR;
			return 0;
		}
	return part_fail("code of an error");
}

static int
read_pending(struct ca_reader *reader, struct slice rest)
{
	int r = part_read_text(
	    rest, part_is_text(rest, MESSAGE_TEXT_MAX), &reader->text);

	if (r == 0)
		reader->state = CA_PENDING;
	return r;
}

static int
read_challenge(struct ca_reader *reader, struct slice line)
{
	struct slice id_object;
	int r;

	if (!part_take_prefix(&line, "challenge "))
		return part_fail("no challenge");
	id_object = part_take_word(&line);
	if ((r = part_read_base64(id_object, &reader->id_object)) == 0 &&
	    (r = part_read_base64(line, &reader->encrypted_secret)) == 0)
		reader->state = CA_CERTIFICATE;
	return r;
}

static int
read_issued(struct ca_reader *reader, struct slice line)
{
	int r;

	if (part_take_prefix(&line, "pending "))
		return read_pending(reader, line);
	if (!part_take_prefix(&line, "certificate "))
		return part_fail("no certificate");
	if ((r = part_read_base64(line, &reader->certificate)) == 0)
		reader->state = CA_MORE;
	return r;
}

static bool
is_of_type(const struct bytes *blob, struct slice type)
{
	struct slice rest = bytes_slice(blob), name;

	return part_is_word(type, type.len) && wire_take_string(&rest, &name) &&
	    slice_equal(name, type);
}

static int
read_ca_key(struct ca_reader *reader, struct slice rest)
{
	struct message_ca_key key = { 0 };
	struct slice certificate_type = part_take_word(&rest);
	struct slice type = part_take_word(&rest);
	int r;

	if ((reader->wants & MESSAGE_WANT_CA_KEYS) == 0 ||
	    reader->krl.len > 0 || reader->n_ca_keys == MESSAGE_CA_KEYS_MAX)
		return part_fail("key of the CA");
	if ((r = part_read_type(certificate_type, &key.certificate_type)) ==
		0 &&
	    (r = part_read_base64(rest, &key.blob)) == 0 &&
	    !is_of_type(&key.blob, type))
		r = part_fail("type of the CA's key");
	if (r == 0)
		reader->ca_keys[reader->n_ca_keys++] = key;
	else
		bytes_reset(&key.blob);
	return r;
}

static int
read_krl(struct ca_reader *reader, struct slice rest)
{
	struct bytes part = { 0 };
	int r;

	if ((reader->wants & MESSAGE_WANT_KRL) == 0 || reader->krl_ended)
		return part_fail("revocation list");
	if ((r = part_read_base64(rest, &part)) == 0 &&
	    part.len > MESSAGE_KRL_PART)
		r = part_fail("revocation list");
	if (r == 0 &&
	    (r = bytes_append(&reader->krl, part.data, part.len)) == 0)
		reader->krl_ended = part.len < MESSAGE_KRL_PART;
	bytes_reset(&part);
	return r;
}

static int
read_more(struct ca_reader *reader, struct slice line)
{
	if (part_take_prefix(&line, "ca-key "))
		return read_ca_key(reader, line);
	if (part_take_prefix(&line, "krl "))
		return read_krl(reader, line);
	if (!slice_is(line, "."))
		return part_fail("lines that are no list");
	reader->state = CA_DONE;
	return 0;
}

int
ca_reader_take(struct ca_reader *reader, struct slice line)
{
	int r;

	if (reader->state < CA_MORE && part_take_prefix(&line, "error "))
		return read_error(reader, line);
	switch (reader->state) {
	case CA_GREETING:
		if ((r = part_read_version(line)) == 0)
			reader->state = CA_CHALLENGE;
		return r;
	case CA_CHALLENGE:
		if (!reader->lists_alone)
			return read_challenge(reader, line);
		reader->state = CA_MORE;
		return read_more(reader, line);
	case CA_CERTIFICATE:
		return read_issued(reader, line);
	case CA_MORE:
		return read_more(reader, line);
	default:
		return part_fail("lines behind the end");
	}
}

void
ca_reader_reset(struct ca_reader *reader)
{
	bytes_reset(&reader->id_object);
	bytes_reset(&reader->encrypted_secret);
	bytes_reset(&reader->certificate);
	for (size_t i = 0; i < reader->n_ca_keys; i++)
		bytes_reset(&reader->ca_keys[i].blob);
	bytes_reset(&reader->krl);
	bytes_reset(&reader->text);
	*reader = (struct ca_reader){ 0 };
}

/* --- writing ----------------------------------------------------------- */

int
message_put_greeting(struct bytes *out)
{
	return part_put(out, VERSION_LINE "\n");
}

int
message_put_challenge(
    struct bytes *out, struct slice id_object, struct slice encrypted_secret)
{
	int r;

	if ((r = part_put(out, "challenge ")) != 0 ||
	    (r = base64_put(out, id_object)) != 0 ||
	    (r = part_put(out, " ")) != 0 ||
	    (r = base64_put(out, encrypted_secret)) != 0)
		return r;
	return part_put(out, "\n");
}

int
message_put_certificate(struct bytes *out, struct slice certificate)
{
	return part_put_base64(out, "certificate", certificate);
}

int
message_put_ca_key(struct bytes *out, const struct message_ca_key *key)
{
	struct slice rest = bytes_slice(&key->blob), type;
	int r;

	if (!wire_take_string(&rest, &type) || !part_is_word(type, type.len))
		return fail(FAIL_INTERNAL, "a CA's key has no type");
	if ((r = part_put(out, "ca-key ")) != 0 ||
	    (r = part_put(out, part_types[key->certificate_type])) != 0 ||
	    (r = part_put(out, " ")) != 0 ||
	    (r = bytes_append(out, type.data, type.len)) != 0)
		return r;
	return part_put_base64(out, "", bytes_slice(&key->blob));
}

int
message_put_krl_part(struct bytes *out, struct slice *krl)
{
	struct slice part = *krl;

	if (part.len > MESSAGE_KRL_PART)
		part.len = MESSAGE_KRL_PART;
	krl->data += part.len;
	krl->len -= part.len;
	return part_put_base64(out, "krl", part);
}

int
message_put_end(struct bytes *out)
{
	return part_put(out, ".\n");
}

int
message_put_pending(struct bytes *out, const char *text)
{
	if (!part_is_text(slice_of_text(text), MESSAGE_TEXT_MAX))
		return fail(FAIL_INTERNAL, "no text for a line");
	return part_put_text_line(out, "pending", slice_of_text(text));
}

int
message_put_error(struct bytes *out, enum message_code code, const char *text)
{
	int r;

	if (!part_is_text(slice_of_text(text), MESSAGE_TEXT_MAX))
		return fail(FAIL_INTERNAL, "no text for a line");
	if ((r = part_put(out, "error ")) != 0)
		return r;
	return part_put_text_line(
	    out, message_codes[code].name, slice_of_text(text));
}
