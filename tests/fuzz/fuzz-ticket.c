/* SPDX-License-Identifier: ISC */
/* Any file of a PIN's ticket: what is read encodes to the same bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "user/pin-ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice in = { data, size };
	struct bytes again = { 0 };
	struct pin_ticket ticket;

	log_begin_secret();
	if (pin_ticket_decode(in, &ticket) != 0)
		return 0;
	if (pin_ticket_encode(&ticket, &again) != 0 ||
	    !slice_equal(bytes_slice(&again), in))
		abort();
	bytes_reset(&again);
	pin_ticket_reset(&ticket);
	return 0;
}
