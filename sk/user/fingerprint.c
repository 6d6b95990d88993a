/* SPDX-License-Identifier: ISC */
/*
 * Source of the protocol: fprintd's D-Bus interface descriptions,
 * net.reactivated.Fprint.Manager and .Device.
 */
#include <dlfcn.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "user/fingerprint.h"

#define SERVICE "net.reactivated.Fprint"
#define MANAGER_PATH "/net/reactivated/Fprint/Manager"
#define MANAGER "net.reactivated.Fprint.Manager"
#define DEVICE "net.reactivated.Fprint.Device"

#define LIBRARY "libsystemd.so.0"

/* As pam_fprintd: three fingers that do not match end it. */
#define MAX_MISMATCHES 3

/* What is used of libsystemd, looked up by name. */
static struct {
	__typeof__(&sd_bus_open_system) open_system;
	__typeof__(&sd_bus_flush_close_unref) flush_close_unref;
	__typeof__(&sd_bus_call_method) call_method;
	__typeof__(&sd_bus_match_signal) match_signal;
	__typeof__(&sd_bus_process) process;
	__typeof__(&sd_bus_wait) wait;
	__typeof__(&sd_bus_message_read) message_read;
	__typeof__(&sd_bus_message_unref) message_unref;
	__typeof__(&sd_bus_error_free) error_free;
	__typeof__(&sd_bus_message_get_sender) get_sender;
	__typeof__(&sd_bus_set_method_call_timeout) set_timeout;
} bus;

struct verification {
	sd_bus *connection;
	char device[256]; /* its object path */
	/*
	 * fprintd's unique name on the bus. A signal is believed from it
	 * alone: anybody may send one to us that looks like fprintd's.
	 */
	char sender[256];
	bool done, matched;
	unsigned int mismatches;
};

static bool
look_up(void *lib, const char *name, void *ret)
{
	void *symbol = dlsym(lib, name);

	memcpy(ret, &symbol, sizeof(symbol));
	return symbol != NULL;
}

static int
load_library(void)
{
	void *lib;

	if (bus.open_system != NULL)
		return 0;
	if ((lib = dlopen(LIBRARY, RTLD_NOW)) == NULL ||
	    !look_up(lib, "sd_bus_flush_close_unref", &bus.flush_close_unref) ||
	    !look_up(lib, "sd_bus_call_method", &bus.call_method) ||
	    !look_up(lib, "sd_bus_match_signal", &bus.match_signal) ||
	    !look_up(lib, "sd_bus_process", &bus.process) ||
	    !look_up(lib, "sd_bus_wait", &bus.wait) ||
	    !look_up(lib, "sd_bus_message_read", &bus.message_read) ||
	    !look_up(lib, "sd_bus_message_unref", &bus.message_unref) ||
	    !look_up(lib, "sd_bus_error_free", &bus.error_free) ||
	    !look_up(lib, "sd_bus_message_get_sender", &bus.get_sender) ||
	    !look_up(lib, "sd_bus_set_method_call_timeout", &bus.set_timeout) ||
	    !look_up(lib, "sd_bus_open_system", &bus.open_system))
		return fail(FAIL_PRESENCE,
		    "UserPresence is fprintd, and %s cannot be loaded",
		    LIBRARY);
	return 0;
}

/* A call whose answer is empty. sd-bus's return value. */
static int
call(struct verification *v, const char *method, const char *argument,
    sd_bus_error *error)
{
	return bus.call_method(v->connection, v->sender, v->device, DEVICE,
	    method, error, NULL, argument != NULL ? "s" : "", argument);
}

static int
begin_call(struct verification *v, const char *method, const char *argument)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int n = call(v, method, argument, &error), r = 0;

	if (n < 0)
		r = fail(FAIL_PRESENCE, "fprintd's %s failed: %s", method,
		    error.message != NULL ? error.message : strerror(-n));
	bus.error_free(&error);
	return r;
}

/* Undoes a begin_call; that it failed changes nothing. */
static void
end_call(struct verification *v, const char *method)
{
	int n = call(v, method, NULL, NULL);

	if (n < 0)
		log_debug("fprintd's %s failed: %s", method, strerror(-n));
}

static int
find_device(struct verification *v)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *path = NULL, *sender = NULL;
	int n, r = 0;

	n = bus.call_method(v->connection, SERVICE, MANAGER_PATH, MANAGER,
	    "GetDefaultDevice", &error, &reply, "");
	if (n >= 0)
		n = bus.message_read(reply, "o", &path);
	if (n < 0)
		r = fail(FAIL_PRESENCE,
		    "UserPresence is fprintd, which gives no fingerprint "
		    "reader: %s",
		    error.message != NULL ? error.message : strerror(-n));
	else if ((sender = bus.get_sender(reply)) == NULL ||
	    strlen(path) >= sizeof(v->device) ||
	    strlen(sender) >= sizeof(v->sender))
		r = fail(FAIL_PRESENCE, "fprintd answers strangely");
	else {
		strcpy(v->device, path);
		strcpy(v->sender, sender);
	}
	bus.message_unref(reply);
	bus.error_free(&error);
	return r;
}

/* VerifyStatus(s result, b done) */
static int
on_status(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct verification *v = data;
	const char *result = "";
	int done = 0;

	(void)error;
	if (bus.get_sender(m) == NULL ||
	    strcmp(bus.get_sender(m), v->sender) != 0 ||
	    bus.message_read(m, "sb", &result, &done) < 0)
		return 0;
	log_debug("fprintd: %.64s", result);
	v->matched = strcmp(result, "verify-match") == 0;
	v->done = done || v->matched;
	if (done && !v->matched)
		v->mismatches++;
	return 0;
}

/* Until fprintd is done with one finger. */
static int
wait_for_status(struct verification *v, uint64_t deadline)
{
	int n;

	v->done = false;
	while (!v->done) {
		if (clock_ms_left(deadline) == 0)
			return fail(FAIL_REFUSED, "no finger came in time");
		if ((n = bus.process(v->connection, NULL)) < 0)
			return fail(FAIL_PRESENCE, "fprintd went away: %s",
			    strerror(-n));
		if (n == 0)
			bus.wait(v->connection,
			    (uint64_t)clock_ms_left(deadline) * 1000);
	}
	return 0;
}

static int
verify_finger(struct verification *v, uint64_t deadline)
{
	int r;

	if (bus.match_signal(v->connection, NULL, v->sender, v->device, DEVICE,
		"VerifyStatus", on_status, v) < 0)
		return fail(FAIL_PRESENCE, "cannot listen to fprintd");
	do {
		if ((r = begin_call(v, "VerifyStart", "any")) != 0)
			return r;
		r = wait_for_status(v, deadline);
		end_call(v, "VerifyStop");
	} while (r == 0 && !v->matched && v->mismatches < MAX_MISMATCHES);
	if (r == 0 && !v->matched)
		r = fail(FAIL_REFUSED, "the fingerprint did not match");
	return r;
}

int
fingerprint_verify(const char *question, unsigned int seconds)
{
	uint64_t deadline = clock_deadline(seconds * 1000ULL);
	struct verification v = { 0 };
	int n, r;

	if ((r = load_library()) != 0)
		return r;
	if ((n = bus.open_system(&v.connection)) < 0)
		return fail(FAIL_PRESENCE,
		    "UserPresence is fprintd, and there is no D-Bus: %s",
		    strerror(-n));
	bus.set_timeout(v.connection, (uint64_t)seconds * 1000000);
	if ((r = find_device(&v)) == 0 &&
	    (r = begin_call(&v, "Claim", "")) == 0) {
		log_info("%s? Touch the fingerprint reader", question);
		r = verify_finger(&v, deadline);
		end_call(&v, "Release");
	}
	bus.flush_close_unref(v.connection);
	return r;
}
