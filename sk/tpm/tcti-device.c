/* SPDX-License-Identifier: ISC */
/*
 * Linux: drivers/char/tpm/tpm-dev-common.c. From 4.20 on a write to a device
 * that was opened with O_NONBLOCK returns at once, and poll(2) tells when the
 * answer is there. Before, the write returns when it is, and poll(2) has
 * nothing to wait for. A read takes an answer from the kernel; what does not
 * fit is kept for the next read by newer kernels, and lost with older ones.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/wire.h"
#include "tpm/device.h"
#include "tpm/tcti-device.h"

#define MAGIC 0x736b647666696c65ULL

/* The kernel's buffer, and so the largest command and answer. */
#define MAX_LEN 4096
#define HEADER_LEN 10

/* rc, unless what was opened has shown by nothing yet that it is a TPM. */
static TSS2_RC
lost(const struct tcti_device *d, TSS2_RC rc)
{
	if (d->has_answered)
		return rc;
	(void)!fail(FAIL_UNREACHABLE,
	    "%s opens but does not answer as a TPM does", d->path);
	return TCTI_DEVICE_RC_NO_TPM;
}

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, uint8_t const *command)
{
	const struct tcti_device *d = (struct tcti_device *)context;
	ssize_t n;

	do
		n = write(d->fd, command, size);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n == size)
		return TSS2_RC_SUCCESS;
	log_debug("writing to %s: %s", d->path,
	    n < 0 ? strerror(errno) : "it took a part");
	return lost(d, TSS2_TCTI_RC_IO_ERROR);
}

/* The kernel has compared its size with what the TPM's bus gave it. */
static bool
is_whole(struct slice answer)
{
	struct slice in = answer;
	uint32_t size;
	uint8_t tag;

	return answer.len >= HEADER_LEN && wire_take_u8(&in, &tag) &&
	    wire_take_u8(&in, &tag) && wire_take_u32(&in, &size) &&
	    size == answer.len;
}

static TSS2_RC
take_answer(struct tcti_device *d, size_t *size, uint8_t *response)
{
	uint8_t answer[MAX_LEN];
	ssize_t n;

	n = read(d->fd, answer, sizeof(answer));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return TSS2_TCTI_RC_TRY_AGAIN;
	if (n < 0) {
		log_debug("reading from %s: %s", d->path, strerror(errno));
		return lost(d, TSS2_TCTI_RC_IO_ERROR);
	}
	if (n == 0)
		return lost(d, TSS2_TCTI_RC_NO_CONNECTION);
	if (!is_whole((struct slice){ answer, (size_t)n }))
		return lost(d, TSS2_TCTI_RC_MALFORMED_RESPONSE);
	d->has_answered = true;
	if ((size_t)n > *size)
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	memcpy(response, answer, (size_t)n);
	*size = (size_t)n;
	return TSS2_RC_SUCCESS;
}

/* How long an answer is, the kernel does not tell before it is read. */
static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	struct tcti_device *d = (struct tcti_device *)context;
	struct pollfd fd = { .fd = d->fd, .events = POLLIN };
	int n;

	if (response == NULL) {
		*size = MAX_LEN;
		return TSS2_RC_SUCCESS;
	}
	n = poll(&fd, 1, timeout);
	if (n == 0 || (n < 0 && errno == EINTR))
		return TSS2_TCTI_RC_TRY_AGAIN;
	/* What else is wrong, the read says as well. */
	return take_answer(d, size, response);
}

int
tcti_device_open(const char *path, struct tcti_device *ret)
{
	int fd, r;

	path = device_or_default(path);
	if ((r = device_open(path, &fd)) != 0)
		return r;
	*ret = (struct tcti_device){
		.common = {
			.magic = MAGIC,
			.version = 1,
			.transmit = transmit,
			.receive = receive,
		},
		.path = path,
		.fd = fd,
	};
	return 0;
}

TSS2_TCTI_CONTEXT *
tcti_device_tcti(struct tcti_device *d)
{
	return (TSS2_TCTI_CONTEXT *)d;
}

void
tcti_device_close(struct tcti_device *d)
{
	close(d->fd);
	d->fd = -1;
}
