/* SPDX-License-Identifier: ISC */
/*
 * What a CA says to a machine that wants all: what is read is written as the
 * same lines again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "attest/message.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
put_issued(struct bytes *out, const struct ca_reader *reader)
{
	struct slice krl = bytes_slice(&reader->krl);
	int r = 0;

	if (!reader->lists_alone)
		r = message_put_certificate(
		    out, bytes_slice(&reader->certificate));
	for (size_t i = 0; i < reader->n_ca_keys && r == 0; i++)
		r = message_put_ca_key(out, &reader->ca_keys[i]);
	while (krl.len > 0 && r == 0)
		r = message_put_krl_part(out, &krl);
	return r != 0 ? r : message_put_end(out);
}

/* The lines that the reader has taken, the first one included. */
static int
put_again(struct bytes *out, const struct ca_reader *reader, bool greeted)
{
	int r = 0;

	if (greeted)
		r = message_put_greeting(out);
	if (r == 0 && reader->encrypted_secret.len > 0)
		r = message_put_challenge(out, bytes_slice(&reader->id_object),
		    bytes_slice(&reader->encrypted_secret));
	if (r != 0)
		return r;
	if (reader->state == CA_PENDING)
		return message_put_pending(
		    out, (const char *)reader->text.data);
	if (reader->state == CA_ERROR)
		return message_put_error(
		    out, reader->code, (const char *)reader->text.data);
	return put_issued(out, reader);
}

static void
read_answer(const uint8_t *data, size_t size, bool lists_alone)
{
	struct ca_reader reader = { .wants =
					MESSAGE_WANT_CA_KEYS | MESSAGE_WANT_KRL,
		.lists_alone = lists_alone };
	struct message_lines lines = { .most = MESSAGE_CA_MAX };
	struct slice in = { data, size }, line;
	struct bytes again = { 0 };
	bool greeted = false;
	size_t used = 0;

	log_begin_secret();
	if (message_lines_add(&lines, in) != 0)
		goto out;
	while (reader.state < CA_DONE && message_lines_next(&lines, &line)) {
		if (ca_reader_take(&reader, line) != 0)
			goto out;
		used += line.len + 1;
		greeted = greeted || reader.state == CA_CHALLENGE;
	}
	if (reader.state < CA_DONE)
		goto out;
	if (bytes_append(&reader.text, "", 1) != 0 ||
	    put_again(&again, &reader, greeted) != 0 ||
	    !slice_equal(bytes_slice(&again), (struct slice){ data, used }))
		abort();
out:
	message_lines_reset(&lines);
	ca_reader_reset(&reader);
	bytes_reset(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_answer(data, size, false);
	read_answer(data, size, true);
	return 0;
}
