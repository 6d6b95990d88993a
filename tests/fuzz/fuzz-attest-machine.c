/* SPDX-License-Identifier: ISC */
/*
 * What a machine says to a CA: what is read is written as the same lines again.
 * The evidence in it is checked.
 */
#include <stdint.h>
#include <stdlib.h>

#include "attest/ek-public.h"
#include "attest/message.h"
#include "attest/verify.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_again(const struct machine_reader *reader, struct slice in, size_t used)
{
	struct bytes again = { 0 };

	if (reader->state < MACHINE_ANSWER)
		return;
	if (message_put_request(&again, &reader->request) != 0 ||
	    (reader->state == MACHINE_DONE &&
		message_put_answer(&again, reader->answer) != 0) ||
	    !slice_equal(bytes_slice(&again), (struct slice){ in.data, used }))
		abort();
	bytes_reset(&again);
}

static void
check_evidence(const struct message_request *request)
{
	const struct evidence evidence = { bytes_slice(&request->key),
		bytes_slice(&request->binding), bytes_slice(&request->public) };
	struct verified_key key = { 0 };
	struct ek_public ek;

	if (verify_key(&evidence, &key) == 0 &&
	    key.application.len > request->key.len)
		abort();
	verified_key_reset(&key);
	if (ek_public_parse(bytes_slice(&request->ek), &ek) == 0 &&
	    ek.numbers_len > sizeof(ek.numbers))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message_lines lines = { .most = MESSAGE_MACHINE_MAX };
	struct machine_reader reader = { 0 };
	struct slice in = { data, size }, line;
	size_t used = 0;

	log_begin_secret();
	if (message_lines_add(&lines, in) != 0)
		goto out;
	while (message_lines_next(&lines, &line)) {
		if (machine_reader_take(&reader, line) != 0)
			break;
		used += line.len + 1;
		check_again(&reader, in, used);
	}
	if (reader.state >= MACHINE_ANSWER)
		check_evidence(&reader.request);
out:
	message_lines_reset(&lines);
	machine_reader_reset(&reader);
	return 0;
}
