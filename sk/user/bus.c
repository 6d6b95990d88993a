/* SPDX-License-Identifier: ISC */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "user/bus.h"

#define CALL(name)                                                \
	{                                                         \
		"sd_bus_" #name, offsetof(struct bus_calls, name) \
	}

static const struct {
	const char *name;
	size_t at;
} symbols[] = {
	CALL(open_system),
	CALL(open_user),
	CALL(close),
	CALL(unref),
	CALL(flush_close_unref),
	CALL(get_fd),
	CALL(is_ready),
	CALL(get_n_queued_write),
	CALL(call_method),
	CALL(match_signal),
	CALL(process),
	CALL(wait),
	CALL(send),
	CALL(message_new_method_call),
	CALL(message_append),
	CALL(message_set_expect_reply),
	CALL(message_read),
	CALL(message_unref),
	CALL(message_get_sender),
	CALL(error_free),
	CALL(set_method_call_timeout),
};

#define N_SYMBOLS (sizeof(symbols) / sizeof(symbols[0]))
_Static_assert(N_SYMBOLS * sizeof(void *) == sizeof(struct bus_calls),
    "a call is not looked up");

const struct bus_calls *
bus_load(void)
{
	static struct bus_calls calls;
	static bool loaded;
	void *lib, *symbol;

	if (!loaded && (lib = dlopen(BUS_LIBRARY, RTLD_NOW)) != NULL) {
		loaded = true;
		for (size_t i = 0; i < N_SYMBOLS; i++) {
			symbol = dlsym(lib, symbols[i].name);
			memcpy((char *)&calls + symbols[i].at, &symbol,
			    sizeof(symbol));
			loaded = loaded && symbol != NULL;
		}
	}
	return loaded ? &calls : NULL;
}
