/* SPDX-License-Identifier: ISC */
/*
 * A fingerprint service for tests: net.reactivated.Fprint on the bus that
 * DBUS_SYSTEM_BUS_ADDRESS names, with the answers given as arguments, one for
 * each VerifyStart: verify-match, verify-no-match, retry (a scan to repeat,
 * then a match), garbled (half a match), no-prints (it
 * refuses), gone (it ends) or silence. Before them may be the path of its
 * device. Prints "ready" once it has its name, and "asked" at VerifyStart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>

#define DEVICE "net.reactivated.Fprint.Device"

static const char *device_path = "/net/reactivated/Fprint/Device/0";
static char **answers;
static int claimed;

static int
get_default_device(sd_bus_message *m, void *data, sd_bus_error *error)
{
	(void)data;
	(void)error;
	return sd_bus_reply_method_return(m, "o", device_path);
}

static int
claim(sd_bus_message *m, void *data, sd_bus_error *error)
{
	(void)data;
	if (claimed)
		return sd_bus_error_set_const(error,
		    "net.reactivated.Fprint.Error.AlreadyInUse",
		    "Device was already claimed");
	claimed = 1;
	return sd_bus_reply_method_return(m, "");
}

static int
release(sd_bus_message *m, void *data, sd_bus_error *error)
{
	(void)data;
	(void)error;
	claimed = 0;
	return sd_bus_reply_method_return(m, "");
}

static int
send_status(sd_bus_message *m, const char *result, int done)
{
	return sd_bus_emit_signal(sd_bus_message_get_bus(m), device_path,
	    DEVICE, "VerifyStatus", "sb", result, done);
}

static int
verify_start(sd_bus_message *m, void *data, sd_bus_error *error)
{
	const char *answer = *answers != NULL ? *answers++ : "silence";
	int r;

	(void)data;
	if (!claimed)
		return sd_bus_error_set_const(error,
		    "net.reactivated.Fprint.Error.ClaimDevice",
		    "Device was not claimed before use");
	puts("asked");
	fflush(stdout);
	if (strcmp(answer, "no-prints") == 0)
		return sd_bus_error_set_const(error,
		    "net.reactivated.Fprint.Error.NoEnrolledPrints",
		    "No prints are enrolled");
	r = sd_bus_reply_method_return(m, "");
	if (strcmp(answer, "retry") == 0) {
		send_status(m, "verify-retry-scan", 0);
		send_status(m, "verify-match", 1);
	} else if (strcmp(answer, "garbled") == 0) {
		sd_bus_emit_signal(sd_bus_message_get_bus(m), device_path,
		    DEVICE, "VerifyStatus", "s", "verify-match");
	} else if (strcmp(answer, "gone") == 0) {
		sd_bus_flush(sd_bus_message_get_bus(m));
		exit(0);
	} else if (strcmp(answer, "silence") != 0) {
		send_status(m, answer, 1);
	}
	return r;
}

static int
verify_stop(sd_bus_message *m, void *data, sd_bus_error *error)
{
	(void)data;
	(void)error;
	return sd_bus_reply_method_return(m, "");
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("GetDefaultDevice", "", "o", get_default_device,
	    SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable device[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Claim", "s", "", claim, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Release", "", "", release, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD(
	    "VerifyStart", "s", "", verify_start, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD(
	    "VerifyStop", "", "", verify_stop, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL("VerifyStatus", "sb", 0),
	SD_BUS_VTABLE_END,
};

int
main(int argc, char **argv)
{
	sd_bus *bus = NULL;
	int r;

	(void)argc;
	answers = argv + 1;
	if (*answers != NULL && **answers == '/')
		device_path = *answers++;
	if ((r = sd_bus_open_system(&bus)) < 0 ||
	    (r = sd_bus_add_object_vtable(bus, NULL,
		 "/net/reactivated/Fprint/Manager",
		 "net.reactivated.Fprint.Manager", manager, NULL)) < 0 ||
	    (r = sd_bus_add_object_vtable(
		 bus, NULL, device_path, DEVICE, device, NULL)) < 0 ||
	    (r = sd_bus_request_name(bus, "net.reactivated.Fprint", 0)) < 0) {
		fprintf(stderr, "mock-fprintd: %s\n", strerror(-r));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while ((r = sd_bus_process(bus, NULL)) >= 0)
		if (r == 0)
			sd_bus_wait(bus, UINT64_MAX);
	return 0;
}
