/* SPDX-License-Identifier: ISC */
/* What a judge tells the service: what is believed is written alike again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "ca/judgement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct judged_request request = { 0 };
	struct text text = { 0 };
	struct bytes again = { 0 };
	enum message_code code;

	log_begin_secret();
	if (judgement_take(
		(struct slice){ data, size }, &request, &code, &text) == 0 &&
	    (judgement_put(&again, &request) != 0 ||
		!slice_equal(
		    bytes_slice(&again), (struct slice){ data, size })))
		abort();
	bytes_reset(&again);
	judged_request_reset(&request);
	return 0;
}
