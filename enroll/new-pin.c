/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "new-pin.h"
#include "user/pin.h"
#include "user/presence.h"

int
new_pin_ask(const struct config *cfg, const char *prompt, struct bytes *ret)
{
	struct bytes pin = { 0 }, again = { 0 };
	int r;

	if ((r = presence_ask_secret(cfg, prompt, &pin)) != 0 ||
	    (r = pin_check_new((const char *)pin.data)) != 0 ||
	    (r = presence_ask_secret(
		 cfg, "Enter the new PIN again: ", &again)) != 0)
		goto out;
	if (slice_equal(bytes_slice(&pin), bytes_slice(&again)))
		bytes_move(&pin, ret);
	else
		r = fail(FAIL_PIN_REQUIRED, "the two PINs differ");
out:
	bytes_reset(&pin);
	bytes_reset(&again);
	return r;
}

#define LINE_LEN 1024

/* Byte by byte: what is behind the line may be for somebody else. */
static int
read_line(int fd, char line[LINE_LEN])
{
	size_t n = 0;
	ssize_t got;

	for (;;) {
		got = read(fd, line + n, 1);
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return fail(FAIL_ARGUMENT, "--pin-fd: cannot read: %s",
			    strerror(errno));
		if (got == 0 || line[n] == '\n')
			break;
		if (line[n] == '\0' || ++n == LINE_LEN)
			return fail(
			    FAIL_ARGUMENT, "--pin-fd: what is there is no PIN");
	}
	line[n] = '\0';
	return 0;
}

int
new_pin_read(const char *fd, struct bytes *ret)
{
	char line[LINE_LEN], *end;
	long number = strtol(fd, &end, 10);
	int r;

	if (fd[0] < '0' || fd[0] > '9' || *end != '\0' || number > 1023 ||
	    number == STDOUT_FILENO || number == STDERR_FILENO)
		return fail(FAIL_ARGUMENT,
		    "--pin-fd: \"%.40s\" is not the number of a file "
		    "descriptor to read from",
		    fd);
	if ((r = read_line((int)number, line)) == 0 &&
	    (r = pin_check_new(line)) == 0)
		r = bytes_set(ret, line, strlen(line) + 1);
	explicit_bzero(line, sizeof(line));
	return r;
}
