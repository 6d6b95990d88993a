/* SPDX-License-Identifier: ISC */
/*
 * A notification service for tests: org.freedesktop.Notifications on the bus
 * that DBUS_SESSION_BUS_ADDRESS names. Prints "ready" once it has its name, and
 * then of each notification its application, title and words, with "|" between
 * them and for a line's end.
 */
#include <stdio.h>
#include <string.h>

#include <systemd/sd-bus.h>

static void
print(const char *s)
{
	for (; *s != '\0'; s++)
		putchar(*s == '\n' ? '|' : *s);
}

static int
notify(sd_bus_message *m, void *data, sd_bus_error *error)
{
	const char *name, *icon, *title, *words;
	uint32_t replaced;
	int r;

	(void)data;
	(void)error;
	if ((r = sd_bus_message_read(
		 m, "susss", &name, &replaced, &icon, &title, &words)) < 0)
		return r;
	print(name);
	putchar('|');
	print(title);
	putchar('|');
	print(words);
	putchar('\n');
	fflush(stdout);
	return sd_bus_reply_method_return(m, "u", (uint32_t)1);
}

static const sd_bus_vtable service[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD(
	    "Notify", "susssasa{sv}i", "u", notify, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

int
main(void)
{
	sd_bus *bus = NULL;
	int r;

	if ((r = sd_bus_open_user(&bus)) < 0 ||
	    (r = sd_bus_add_object_vtable(bus, NULL,
		 "/org/freedesktop/Notifications",
		 "org.freedesktop.Notifications", service, NULL)) < 0 ||
	    (r = sd_bus_request_name(bus, "org.freedesktop.Notifications", 0)) <
		0) {
		fprintf(stderr, "mock-notifications: %s\n", strerror(-r));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while ((r = sd_bus_process(bus, NULL)) >= 0)
		if (r == 0)
			sd_bus_wait(bus, UINT64_MAX);
	return 0;
}
