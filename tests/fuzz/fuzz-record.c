/* SPDX-License-Identifier: ISC */
/* Any record of a resident key: what is read encodes to the same bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "key/resident-record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice in = { data, size };
	struct bytes again = { 0 };
	struct record rec;

	log_begin_secret();
	if (record_decode(in, &rec) != 0)
		return 0;
	if (record_encode(&rec, &again) != 0 ||
	    !slice_equal(bytes_slice(&again), in))
		abort();
	bytes_reset(&again);
	record_reset(&rec);
	return 0;
}
