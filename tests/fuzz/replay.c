/* SPDX-License-Identifier: ISC */
/*
 * Runs a fuzz target over files, in place of libFuzzer: each file named, and
 * each of its beginnings. Prints TAP, one line a file.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
run(const uint8_t *data, size_t size)
{
	/* No byte longer, so that ASan sees an over-read. */
	uint8_t *copy = malloc(size > 0 ? size : 1);

	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

int
main(int argc, char **argv)
{
	static uint8_t buf[1 << 20];

	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t n;

		if (f == NULL) {
			printf("not ok %d - cannot open %s\n", i, argv[i]);
			continue;
		}
		n = fread(buf, 1, sizeof(buf), f);
		fclose(f);
		for (size_t len = 0; len <= n && len <= 4096; len++)
			run(buf, len);
		printf("ok %d - %s\n", i, argv[i]);
		fflush(stdout);
	}
	return 0;
}
