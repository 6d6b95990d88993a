/* SPDX-License-Identifier: ISC */
/*
 * D-Bus, by libsystemd: what is used of it, looked up by name. It is loaded by
 * the first call that needs it, and linked to nothing.
 */
#ifndef SKTPM_BUS_H
#define SKTPM_BUS_H

#include <systemd/sd-bus.h>

#define BUS_LIBRARY "libsystemd.so.0"

struct bus_calls {
	__typeof__(&sd_bus_open_system) open_system;
	__typeof__(&sd_bus_open_user) open_user;
	__typeof__(&sd_bus_close) close;
	__typeof__(&sd_bus_unref) unref;
	__typeof__(&sd_bus_flush_close_unref) flush_close_unref;
	__typeof__(&sd_bus_get_fd) get_fd;
	__typeof__(&sd_bus_is_ready) is_ready;
	__typeof__(&sd_bus_get_n_queued_write) get_n_queued_write;
	__typeof__(&sd_bus_call_method) call_method;
	__typeof__(&sd_bus_match_signal) match_signal;
	__typeof__(&sd_bus_process) process;
	__typeof__(&sd_bus_wait) wait;
	__typeof__(&sd_bus_send) send;
	__typeof__(&sd_bus_message_new_method_call) message_new_method_call;
	__typeof__(&sd_bus_message_append) message_append;
	__typeof__(&sd_bus_message_set_expect_reply) message_set_expect_reply;
	__typeof__(&sd_bus_message_read) message_read;
	__typeof__(&sd_bus_message_unref) message_unref;
	__typeof__(&sd_bus_message_get_sender) message_get_sender;
	__typeof__(&sd_bus_error_free) error_free;
	__typeof__(&sd_bus_set_method_call_timeout) set_method_call_timeout;
};

/* The calls, or NULL where the library cannot be loaded. Static storage. */
const struct bus_calls *bus_load(void);

#endif
