/* SPDX-License-Identifier: ISC */
/* The screen that DISPLAY or WAYLAND_DISPLAY names. */
#ifndef SKTPM_DISPLAY_H
#define SKTPM_DISPLAY_H

#include "base/bytes.h"

/* True where the environment names one, there or not. */
bool display_is_named(void);

/*
 * True where its server takes a connection, and no other user listens under its
 * name (root may). The environment is often older than the session, as in tmux
 * or a shell of ssh -X. An askpass without its display ends as one that was
 * refused: gnome-ssh-askpass and x11-ssh-askpass both with 1. An X server on
 * another host counts as there.
 */
bool display_is_there(void);

#endif
