/* SPDX-License-Identifier: ISC */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"

void
process_keep_memory(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

/* Source: proc(5), comm. */
void
process_caller_name(char ret[PROCESS_NAME_LEN])
{
	char path[64];
	FILE *f;

	ret[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)getppid());
	if ((f = fopen(path, "re")) == NULL)
		return;
	if (fgets(ret, PROCESS_NAME_LEN, f) == NULL)
		ret[0] = '\0';
	fclose(f);
	ret[strcspn(ret, "\n")] = '\0';
}

/* Source: proc(5), stat: field 4, behind a name in parentheses. */
pid_t
process_parent(pid_t pid)
{
	char path[64], line[512] = "", *end;
	long parent = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if ((f = fopen(path, "re")) == NULL)
		return -1;
	if (fgets(line, sizeof(line), f) != NULL &&
	    (end = strrchr(line, ')')) != NULL &&
	    sscanf(end + 1, " %*c %ld", &parent) != 1)
		parent = -1;
	fclose(f);
	return (pid_t)parent;
}

bool
process_peer_is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    (peer.uid == 0 || peer.uid == geteuid());
}
