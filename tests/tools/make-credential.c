/* SPDX-License-Identifier: ISC */
/*
 * usage: make-credential [-z] EK NAME SECRET ID-OBJECT ENCRYPTED-SECRET
 * Makes a credential for the TPM with this endorsement key, a TPM2B_PUBLIC, and
 * the object with this Name. The last two files are written: a TPM2B_ID_OBJECT
 * and a TPM2B_ENCRYPTED_SECRET. The others are read. With -z it tries until the
 * first coordinate of the ephemeral point begins with a zero.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/make-credential.h"
#include "base/log.h"

static struct slice
read_file(const char *path)
{
	static uint8_t bufs[3][4096];
	static size_t used;
	FILE *f = fopen(path, "re");
	uint8_t *buf = bufs[used++];
	size_t n;

	if (f == NULL) {
		perror(path);
		exit(2);
	}
	n = fread(buf, 1, sizeof(bufs[0]), f);
	fclose(f);
	return (struct slice){ buf, n };
}

static bool
write_file(const char *path, const struct bytes *content)
{
	FILE *f = fopen(path, "we");
	bool ok = f != NULL &&
	    fwrite(content->data, 1, content->len, f) == content->len;

	return f != NULL && fclose(f) == 0 && ok;
}

int
main(int argc, char **argv)
{
	struct bytes id_object = { 0 }, encrypted_secret = { 0 };
	struct slice area, name, secret;
	struct ek_public ek;
	bool zero = argc > 1 && strcmp(argv[1], "-z") == 0;
	int r;

	if (zero) {
		argv++;
		argc--;
	}
	if (argc != 6) {
		fprintf(stderr,
		    "usage: make-credential [-z] EK NAME SECRET "
		    "ID-OBJECT ENCRYPTED-SECRET\n");
		return 2;
	}
	area = read_file(argv[1]);
	name = read_file(argv[2]);
	secret = read_file(argv[3]);
	if ((r = ek_public_parse(area, &ek)) == 0)
		do
			r = make_credential(
			    &ek, name, secret, &id_object, &encrypted_secret);
		while (r == 0 && zero && encrypted_secret.data[4] != 0);
	if (r != 0)
		log_failure(r);
	else if (!write_file(argv[4], &id_object) ||
	    !write_file(argv[5], &encrypted_secret))
		r = 1;
	bytes_reset(&id_object);
	bytes_reset(&encrypted_secret);
	return r == 0 ? 0 : 1;
}
