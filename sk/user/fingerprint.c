/* SPDX-License-Identifier: ISC */
/*
 * Source of the protocol: fprintd's D-Bus interface descriptions,
 * net.reactivated.Fprint.Manager and .Device.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "user/bus.h"
#include "user/fingerprint.h"

#define SERVICE "net.reactivated.Fprint"
#define MANAGER_PATH "/net/reactivated/Fprint/Manager"
#define MANAGER "net.reactivated.Fprint.Manager"
#define DEVICE "net.reactivated.Fprint.Device"

/* As pam_fprintd: three fingers that do not match end it. */
#define MAX_MISMATCHES 3

struct verification {
	const struct bus_calls *bus;
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

/* A call whose answer is empty. sd-bus's return value. */
static int
call(struct verification *v, const char *method, const char *argument,
    sd_bus_error *error)
{
	return v->bus->call_method(v->connection, v->sender, v->device, DEVICE,
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
	v->bus->error_free(&error);
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

	n = v->bus->call_method(v->connection, SERVICE, MANAGER_PATH, MANAGER,
	    "GetDefaultDevice", &error, &reply, "");
	if (n >= 0)
		n = v->bus->message_read(reply, "o", &path);
	if (n < 0)
		r = fail(FAIL_PRESENCE,
		    "UserPresence is fprintd, which gives no fingerprint "
		    "reader: %s",
		    error.message != NULL ? error.message : strerror(-n));
	else if ((sender = v->bus->message_get_sender(reply)) == NULL ||
	    strlen(path) >= sizeof(v->device) ||
	    strlen(sender) >= sizeof(v->sender))
		r = fail(FAIL_PRESENCE, "fprintd answers strangely");
	else {
		strcpy(v->device, path);
		strcpy(v->sender, sender);
	}
	v->bus->message_unref(reply);
	v->bus->error_free(&error);
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
	if (v->bus->message_get_sender(m) == NULL ||
	    strcmp(v->bus->message_get_sender(m), v->sender) != 0 ||
	    v->bus->message_read(m, "sb", &result, &done) < 0)
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
		if ((n = v->bus->process(v->connection, NULL)) < 0)
			return fail(FAIL_PRESENCE, "fprintd went away: %s",
			    strerror(-n));
		if (n == 0)
			v->bus->wait(v->connection,
			    (uint64_t)clock_ms_left(deadline) * 1000);
	}
	return 0;
}

static int
verify_finger(struct verification *v, uint64_t deadline)
{
	int r;

	if (v->bus->match_signal(v->connection, NULL, v->sender, v->device,
		DEVICE, "VerifyStatus", on_status, v) < 0)
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
	struct verification v = { .bus = bus_load() };
	int n, r;

	if (v.bus == NULL)
		return fail(FAIL_PRESENCE,
		    "UserPresence is fprintd, and %s cannot be loaded",
		    BUS_LIBRARY);
	if ((n = v.bus->open_system(&v.connection)) < 0)
		return fail(FAIL_PRESENCE,
		    "UserPresence is fprintd, and there is no D-Bus: %s",
		    strerror(-n));
	v.bus->set_method_call_timeout(
	    v.connection, (uint64_t)seconds * 1000000);
	if ((r = find_device(&v)) == 0 &&
	    (r = begin_call(&v, "Claim", "")) == 0) {
		log_info("%s? Touch the fingerprint reader", question);
		r = verify_finger(&v, deadline);
		end_call(&v, "Release");
	}
	v.bus->flush_close_unref(v.connection);
	return r;
}
