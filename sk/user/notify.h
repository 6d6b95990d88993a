/* SPDX-License-Identifier: ISC */
/*
 * A notification on the desktop, by the D-Bus service
 * org.freedesktop.Notifications.
 */
#ifndef SKTPM_NOTIFY_H
#define SKTPM_NOTIFY_H

/*
 * Shows a title and, below it, some words; both are printable ASCII. Waits for
 * no answer: where nobody takes the message within a quarter of a second, it is
 * given up. Only the debug log tells.
 */
void notify_show(const char *title, const char *words);

#endif
