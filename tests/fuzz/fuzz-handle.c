/* SPDX-License-Identifier: ISC */
/* Any key handle: what is read encodes to the same bytes again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "key/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice in = { data, size };
	struct bytes again = { 0 };
	struct checked_key key;
	struct handle h;

	log_begin_secret();
	if (handle_decode(in, &h) != 0)
		return 0;
	if (handle_encode(&h, &again) != 0 ||
	    !slice_equal(bytes_slice(&again), in))
		abort();
	if (key_check(&h, &key) != 0)
		log_debug("not a key of ours");
	bytes_reset(&again);
	handle_reset(&h);
	return 0;
}
