/* SPDX-License-Identifier: ISC */
#include "error.h"
#include "log.h"
#include "presence.h"

bool
presence_is_possible(const struct config *cfg)
{
	return cfg->user_presence == USER_PRESENCE_ASSUME;
}

int
presence_require(const struct config *cfg)
{
	if (!presence_is_possible(cfg))
		return fail(FAIL_PRESENCE,
		    "this key requires user presence, and there is no way to "
		    "ask for it yet");
	return 0;
}
