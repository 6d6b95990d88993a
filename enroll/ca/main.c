/* SPDX-License-Identifier: ISC */
/* sk-tpm-ca: certificates for keys that are proven to be in a TPM. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"

int
main(int argc, char **argv)
{
	log_set_program("sk-tpm-ca");
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("sk-tpm-ca " SK_TPM_VERSION);
		return 0;
	}
	fprintf(stderr, "usage: sk-tpm-ca --version\n");
	return 2;
}
