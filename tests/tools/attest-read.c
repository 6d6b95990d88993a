/* SPDX-License-Identifier: ISC */
/*
 * usage: attest-read machine|ca <LINES
 * Reads what one side of sk-tpm-attest has said. Of a machine it checks the
 * evidence as a CA does, and prints the Name of its key and its id; of a CA it
 * checks the certificate against the key whose blob is in the file KEY.
 *
 *	attest-read machine <LINES
 *	attest-read ca user|host KEY <LINES
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attest/ek-public.h"
#include "attest/machine-id.h"
#include "attest/message.h"
#include "attest/verify.h"
#include "base/error.h"
#include "base/log.h"
#include "ssh/certificate.h"

static uint8_t input[MESSAGE_MACHINE_MAX], key[4096];

static struct slice
read_all(FILE *f, uint8_t *buf, size_t most)
{
	return (struct slice){ buf, f != NULL ? fread(buf, 1, most, f) : 0 };
}

static int
check_machine(const struct message_request *rq)
{
	const struct evidence evidence = { bytes_slice(&rq->key),
		bytes_slice(&rq->binding), bytes_slice(&rq->public) };
	struct verified_key verified = { 0 };
	char id[MACHINE_ID_LEN + 1];
	struct ek_public ek;
	int r;

	if ((r = verify_key(&evidence, &verified)) == 0 &&
	    (r = ek_public_parse(bytes_slice(&rq->ek), &ek)) == 0 &&
	    (r = machine_id(&ek, id)) == 0) {
		for (size_t i = 0; i < sizeof(verified.name); i++)
			printf("%02x", verified.name[i]);
		printf("\n%s\n", id);
	}
	verified_key_reset(&verified);
	return r;
}

static int
read_machine(struct message_lines *lines)
{
	struct machine_reader reader = { 0 };
	struct slice line;
	int r = 0;

	while (r == 0 && message_lines_next(lines, &line))
		r = machine_reader_take(&reader, line);
	if (r == 0 && reader.state < MACHINE_ANSWER)
		r = fail(FAIL_PROTOCOL, "the request is not complete");
	if (r == 0)
		r = check_machine(&reader.request);
	machine_reader_reset(&reader);
	return r;
}

static int
read_ca(struct message_lines *lines, const struct certificate_wanted *wanted)
{
	struct certificate certificate;
	struct ca_reader reader = { 0 };
	struct slice line;
	int r = 0;

	while (r == 0 && message_lines_next(lines, &line))
		r = ca_reader_take(&reader, line);
	if (r == 0 && reader.state == CA_ERROR)
		printf("%s\n", message_codes[reader.code].name);
	else if (r == 0 && reader.state != CA_DONE)
		r = fail(FAIL_PROTOCOL, "there is no certificate");
	else if (r == 0)
		r = certificate_check(
		    bytes_slice(&reader.certificate), wanted, &certificate);
	ca_reader_reset(&reader);
	return r;
}

int
main(int argc, char **argv)
{
	struct message_lines lines = { .most = sizeof(input) };
	struct certificate_wanted wanted = { .now = (uint64_t)time(NULL) };
	int r;

	r = message_lines_add(&lines, read_all(stdin, input, sizeof(input)));
	if (r == 0 && argc == 2 && strcmp(argv[1], "machine") == 0) {
		r = read_machine(&lines);
	} else if (r == 0 && argc == 4 && strcmp(argv[1], "ca") == 0) {
		FILE *f = fopen(argv[3], "re");

		wanted.key = read_all(f, key, sizeof(key));
		wanted.type = strcmp(argv[2], "host") == 0 ? CERTIFICATE_HOST
							   : CERTIFICATE_USER;
		if (f != NULL)
			fclose(f);
		r = read_ca(&lines, &wanted);
	} else if (r == 0) {
		fprintf(
		    stderr, "usage: attest-read machine|ca user|host KEY\n");
		r = 2;
	}
	if (r < 0)
		log_failure(r);
	message_lines_reset(&lines);
	return r == 0 ? 0 : 1;
}
