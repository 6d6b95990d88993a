/* SPDX-License-Identifier: ISC */
/*
 * usage: ek-chain ROOTS [CERTIFICATE...]
 * Reads a bundle of roots in PEM and prints how many there are. Then verifies
 * the first certificate, in DER, at present; the others may be its issuers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "attest/ek-chain.h"
#include "attest/message.h"
#include "base/log.h"

static struct slice
read_file(const char *path, uint8_t *buf, size_t most)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL) {
		perror(path);
		exit(2);
	}
	n = fread(buf, 1, most, f);
	fclose(f);
	return (struct slice){ buf, n };
}

int
main(int argc, char **argv)
{
	static uint8_t bundle[1 << 20], bufs[MESSAGE_CERTIFICATES_MAX][8192];
	struct slice certs[MESSAGE_CERTIFICATES_MAX];
	struct ek_roots *roots = NULL;
	size_t n = 0;
	int r;

	if (argc < 2 || argc - 2 > MESSAGE_CERTIFICATES_MAX) {
		fprintf(stderr, "usage: ek-chain ROOTS [CERTIFICATE...]\n");
		return 2;
	}
	if ((r = ek_roots_new(&roots)) == 0 &&
	    (r = ek_roots_add(roots, read_file(argv[1], bundle, sizeof(bundle)),
		 EK_MARKED)) == 0)
		printf("%zu\n", ek_roots_count(roots));
	for (int i = 2; i < argc; i++, n++)
		certs[n] = read_file(argv[i], bufs[n], sizeof(bufs[n]));
	if (r == 0 && n > 0)
		r = ek_chain_verify(roots, certs, n, time(NULL));
	if (r != 0)
		log_failure(r);
	ek_roots_free(roots);
	return r == 0 ? 0 : 1;
}
