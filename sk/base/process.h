/* SPDX-License-Identifier: ISC */
/* Hiding this process's memory from others. */
#ifndef SKTPM_PROCESS_H
#define SKTPM_PROCESS_H

/*
 * From now on no core file is written of this process or of a program that it
 * runs, and only root can read its memory or trace it. ssh-agent does the same
 * for itself, ssh-sk-helper does not.
 */
void process_keep_memory(void);

#endif
