/* SPDX-License-Identifier: ISC */
/*
 * Prints the command code of every TPM command in a recording of tpm2-tss's
 * pcap TCTI, one a line in hex. Source of the format: the pcapng draft of the
 * IETF (blocks, little-endian here), and tpm2-tss's doc/tcti-pcap.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENHANCED_PACKET_BLOCK 6
#define EPB_HEADER_LEN 28

static uint32_t
le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

/*
 * The TPM message sits at the end of the packet, behind made-up network
 * headers: tag 0x8001 or 0x8002, its own length, and a code. A response has
 * code 0, or is a header alone with an error's, which may be in TPM2_CC's
 * range.
 */
static void
print_command(const uint8_t *packet, uint32_t len)
{
	static bool answered = true;

	for (uint32_t at = 0; at + 10 <= len; at++) {
		const uint8_t *p = packet + at;
		uint32_t code;

		if (p[0] != 0x80 || (p[1] != 0x01 && p[1] != 0x02) ||
		    be32(p + 2) != len - at)
			continue;
		code = be32(p + 6);
		if (code < 0x11f || code > 0x1ff ||
		    (!answered && len - at == 10)) {
			answered = true;
		} else {
			printf("%x\n", code);
			answered = false;
		}
		return;
	}
}

int
main(int argc, char **argv)
{
	uint8_t block[65536];
	FILE *in;

	if (argc != 2 || (in = fopen(argv[1], "rb")) == NULL) {
		fprintf(stderr, "usage: %s file.pcapng\n", argv[0]);
		return 2;
	}
	while (fread(block, 8, 1, in) == 1) {
		uint32_t len = le32(block + 4), packet;

		if (len < 12 || len > sizeof(block) ||
		    fread(block + 8, len - 8, 1, in) != 1) {
			fprintf(stderr, "%s: not a pcapng file\n", argv[1]);
			return 1;
		}
		if (le32(block) != ENHANCED_PACKET_BLOCK)
			continue;
		packet = le32(block + 20);
		if (packet <= len - EPB_HEADER_LEN - 4)
			print_command(block + EPB_HEADER_LEN, packet);
	}
	fclose(in);
	return 0;
}
