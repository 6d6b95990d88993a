/* SPDX-License-Identifier: ISC */
/*
 * A certificate that a CA has sent, held against the key of PROTOCOL.md, 5.6:
 * once as a user's and once as a host's.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ssh/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1790000000 /* in 2026 */

static const struct ec_point point = {
	{ 0x60, 0xfe, 0xd4, 0xba, 0x25, 0x5a, 0x9d, 0x31, 0xc9, 0x61, 0xeb,
	    0x74, 0xc6, 0x35, 0x6d, 0x68, 0xc0, 0x49, 0xb8, 0x92, 0x3b, 0x61,
	    0xfa, 0x6c, 0xe6, 0x69, 0x62, 0x2e, 0x60, 0xf2, 0x9f, 0xb6 },
	{ 0x79, 0x03, 0xfe, 0x10, 0x08, 0xb8, 0xbc, 0x99, 0xa4, 0x1a, 0xe9,
	    0xe9, 0x56, 0x28, 0xbc, 0x64, 0xf2, 0xf1, 0xb2, 0x0c, 0x2d, 0x7e,
	    0x9f, 0x51, 0x77, 0xa3, 0xc2, 0x94, 0xd4, 0x46, 0x22, 0x99 },
};

static void
check(struct slice in, struct slice key, enum certificate_type type)
{
	const struct certificate_wanted wanted = {
		.key = key, .type = type, .now = NOW
	};
	struct certificate c;

	if (certificate_check(in, &wanted, &c) == 0 &&
	    (c.type != (uint32_t)type || c.valid_after > NOW ||
		c.valid_before <= NOW || c.principals.len == 0 ||
		memmem(in.data, in.len, point.x, sizeof(point.x)) == NULL))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice in = { data, size };
	struct bytes key = { 0 };

	log_begin_secret();
	if (sshkey_put_ours(&key, &point, "ssh:") != 0)
		abort();
	check(in, bytes_slice(&key), CERTIFICATE_USER);
	check(in, bytes_slice(&key), CERTIFICATE_HOST);
	bytes_reset(&key);
	return 0;
}
