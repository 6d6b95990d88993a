/* SPDX-License-Identifier: ISC */
#include "base/error.h"
#include "base/log.h"
#include "new-pin.h"
#include "user/pin.h"
#include "user/presence.h"

int
new_pin_ask(const struct config *cfg, const char *prompt, struct bytes *ret)
{
	struct bytes pin = { 0 }, again = { 0 };
	int r;

	if ((r = presence_ask_secret(cfg, prompt, &pin)) != 0 ||
	    (r = pin_check_new((const char *)pin.data)) != 0 ||
	    (r = presence_ask_secret(
		 cfg, "Enter the new PIN again: ", &again)) != 0)
		goto out;
	if (slice_equal(bytes_slice(&pin), bytes_slice(&again)))
		bytes_move(&pin, ret);
	else
		r = fail(FAIL_PIN_REQUIRED, "the two PINs differ");
out:
	bytes_reset(&pin);
	bytes_reset(&again);
	return r;
}
