/* SPDX-License-Identifier: ISC */
/* This process and the one that called it. */
#ifndef SKTPM_PROCESS_H
#define SKTPM_PROCESS_H

#include <sys/types.h>

#include <stdbool.h>

#define PROCESS_NAME_LEN 16

/*
 * From now on no core file is written of this process or of a program that it
 * runs, and only root can read its memory or trace it. ssh-agent does the same
 * for itself, ssh-sk-helper does not.
 */
void process_keep_memory(void);

/*
 * The name that the program which called us has in /proc: its file's, unless
 * it has taken another. Empty where /proc does not show it.
 */
void process_caller_name(char ret[PROCESS_NAME_LEN]);

/* The parent of a process, or -1 where /proc does not show it. */
pid_t process_parent(pid_t pid);

/*
 * Whether this user or root listens at the other end of a Unix-domain socket.
 * Of other sockets that is not known: false.
 */
bool process_peer_is_ours(int fd);

#endif
