/* SPDX-License-Identifier: ISC */
/* Any settings file. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("settings", 0);
	struct config cfg = { 0 };
	char path[64];

	if (fd == -1 || write(fd, data, size) != (ssize_t)size ||
	    fchmod(fd, 0600) != 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (config_read_file(&cfg, path) != 0)
		log_debug("not settings");
	config_reset(&cfg);
	close(fd);
	return 0;
}
