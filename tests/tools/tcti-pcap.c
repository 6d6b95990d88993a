/* SPDX-License-Identifier: ISC */
/*
 * Stands in for tpm2-tss's pcap TCTI where that is too old to have one:
 * "pcap:swtpm:port=2321" passes everything to swtpm:port=2321, and appends it
 * to the file that TCTI_PCAP_FILE names. Of pcapng there is what pcap-commands
 * reads: a block a message, without made-up network headers.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "between.h"

#define ENHANCED_PACKET_BLOCK 6
#define HEADER_WORDS 7

static void
record(const uint8_t *message, size_t size)
{
	static const uint8_t padding[3];
	uint32_t len = (uint32_t)size, padded = (len + 3) & ~3U;
	uint32_t block_len = HEADER_WORDS * 4 + padded + 4;
	uint32_t header[HEADER_WORDS] = { ENHANCED_PACKET_BLOCK, block_len, 0,
		0, 0, len, len };
	FILE *f = fopen(getenv("TCTI_PCAP_FILE"), "a");

	if (f == NULL || fwrite(header, sizeof(header), 1, f) != 1 ||
	    fwrite(message, 1, len, f) != len ||
	    fwrite(padding, 1, padded - len, f) != padded - len ||
	    fwrite(&block_len, 4, 1, f) != 1 || fclose(f) != 0)
		abort();
}

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, uint8_t const *command)
{
	record(command, size);
	return Tss2_Tcti_Transmit(between_child(context), size, command);
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	TSS2_RC rc =
	    Tss2_Tcti_Receive(between_child(context), size, response, timeout);

	if (rc == TSS2_RC_SUCCESS && response != NULL)
		record(response, *size);
	return rc;
}

BETWEEN(struct between, "records", transmit, receive, between_finalize);
