/* SPDX-License-Identifier: ISC */
/*
 * What a machine says to a CA: what is read is written as the same lines again.
 * The evidence in it is checked, as by the CA's judge.
 */
#include <stdint.h>
#include <stdlib.h>

#include "attest/message.h"
#include "base/log.h"
#include "ca/evidence.h"
#include "ca/judgement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_again(const struct machine_reader *reader, struct slice in, size_t used)
{
	struct bytes again = { 0 };

	if (reader->state < MACHINE_ANSWER)
		return;
	if (message_put_request(&again, &reader->request) != 0 ||
	    (reader->state == MACHINE_DONE && reader->request.type != 0 &&
		message_put_answer(&again, reader->answer) != 0) ||
	    !slice_equal(bytes_slice(&again), (struct slice){ in.data, used }))
		abort();
	bytes_reset(&again);
}

/* What the service would be told of it, and reads. */
static void
check_told(const struct judged_request *judged)
{
	struct bytes told = { 0 }, again = { 0 };
	struct judged_request read = { 0 };
	struct text text = { 0 };
	enum message_code code;

	if (judgement_put(&told, judged) != 0 ||
	    judgement_take(bytes_slice(&told), &read, &code, &text) != 0 ||
	    judgement_put(&again, &read) != 0 ||
	    !slice_equal(bytes_slice(&told), bytes_slice(&again)))
		abort();
	judged_request_reset(&read);
	bytes_reset(&told);
	bytes_reset(&again);
}

/* As the judge does; no maker's root is there. */
static void
check_evidence(struct message_request *request)
{
	struct judged_request judged = { 0 };
	struct ek_roots *roots = NULL;
	enum message_code code;

	if (ek_roots_new(&roots) == 0 &&
	    evidence_check(request, roots, 0, &judged, &code) == 0)
		check_told(&judged);
	judged_request_reset(&judged);
	ek_roots_free(roots);
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
