/* SPDX-License-Identifier: ISC */
/*
 * Source of the protocol: freedesktop.org's Desktop Notifications
 * Specification, 1.2, org.freedesktop.Notifications.Notify.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "user/bus.h"
#include "user/notify.h"

#define SERVICE "org.freedesktop.Notifications"
#define PATH "/org/freedesktop/Notifications"

/* A bus that works has taken the message long before. */
#define LIMIT_MS 250

/*
 * Services may take markup in these words, or not: without the three characters
 * that make it, that is the same.
 */
static void
escape_markup(const char *words, struct text *ret)
{
	for (; *words != '\0'; words++)
		if (strchr("<>&", *words) != NULL)
			text_add(ret, "\\x%02x", (unsigned int)*words);
		else
			text_add(ret, "%c", *words);
}

static int
send_note(const struct bus_calls *bus, sd_bus *connection, const char *title,
    const char *words)
{
	struct text escaped = { 0 };
	sd_bus_message *m = NULL;
	int n;

	escape_markup(words, &escaped);
	/* The time it stays is the service's to choose. */
	if ((n = bus->message_new_method_call(
		 connection, &m, SERVICE, PATH, SERVICE, "Notify")) >= 0 &&
	    (n = bus->message_append(m, "susssasa{sv}i", "sk-tpm", (uint32_t)0,
		 "dialog-password", title, escaped.s, (uint32_t)0, (uint32_t)0,
		 (int32_t)-1)) >= 0 &&
	    (n = bus->message_set_expect_reply(m, 0)) >= 0)
		n = bus->send(connection, m, NULL);
	bus->message_unref(m);
	return n;
}

/* Until the message is the bus's: who connects has to log in there first. */
static int
flush(const struct bus_calls *bus, sd_bus *connection, uint64_t deadline)
{
	uint64_t queued = 1;
	int left = 1, n;

	while ((n = bus->process(connection, NULL)) >= 0 && left > 0) {
		bus->get_n_queued_write(connection, &queued);
		if (bus->is_ready(connection) > 0 && queued == 0)
			return 0;
		left = clock_ms_left(deadline);
		if (n == 0)
			bus->wait(connection, (uint64_t)left * 1000);
	}
	return n < 0 ? n : -ETIMEDOUT;
}

void
notify_show(const char *title, const char *words)
{
	const struct bus_calls *bus = bus_load();
	uint64_t deadline = clock_deadline(LIMIT_MS);
	sd_bus *connection = NULL;
	int n;

	if (bus == NULL) {
		log_debug("no notification: %s cannot be loaded", BUS_LIBRARY);
		return;
	}
	/* Another user may listen where a bus was. */
	if ((n = bus->open_user(&connection)) >= 0 &&
	    !process_peer_is_ours(bus->get_fd(connection)))
		n = -EPERM;
	if (n >= 0 && (n = send_note(bus, connection, title, words)) >= 0)
		n = flush(bus, connection, deadline);
	if (n < 0)
		log_debug("no notification: %s", strerror(-n));
	bus->close(connection);
	bus->unref(connection);
}
