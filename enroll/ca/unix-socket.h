/* SPDX-License-Identifier: ISC */
#ifndef SKTPM_CA_UNIX_SOCKET_H
#define SKTPM_CA_UNIX_SOCKET_H

/* A connection to the socket of that path; -1 with errno set. */
int unix_connect(const char *path);

#endif
