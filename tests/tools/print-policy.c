/* SPDX-License-Identifier: ISC */
/*
 * Prints the policy digest that these commands come to, in hex:
 *
 *	print-policy [pcr BITS VALUES] [auth] [secret NAME REF] [or OTHER] ...
 *
 * BITS is a number, the others are hex.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tpm/policy.h"

static uint8_t buf[2][64];

static struct slice
from_hex(int n, const char *hex)
{
	size_t len = strlen(hex) / 2;

	if (len > sizeof(buf[n]))
		exit(2);
	for (size_t i = 0; i < len; i++) {
		unsigned int byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			exit(2);
		buf[n][i] = (uint8_t)byte;
	}
	return (struct slice){ buf[n], len };
}

int
main(int argc, char **argv)
{
	uint8_t policy[POLICY_LEN] = { 0 };
	int r = 0, left = argc - 1;

	for (char **at = argv + 1; left > 0 && r == 0;) {
		int n = 2;

		if (strcmp(at[0], "auth") == 0) {
			n = 1;
			r = policy_auth_value(policy);
		} else if (strcmp(at[0], "or") == 0 && left >= 2) {
			r = policy_or(policy, from_hex(0, at[1]).data);
		} else if (strcmp(at[0], "pcr") == 0 && left >= 3) {
			n = 3;
			r = policy_pcr(policy,
			    (uint32_t)strtoul(at[1], NULL, 0),
			    from_hex(0, at[2]).data);
		} else if (strcmp(at[0], "secret") == 0 && left >= 3) {
			n = 3;
			r = policy_secret(
			    policy, from_hex(0, at[1]), from_hex(1, at[2]));
		} else {
			return 2;
		}
		at += n;
		left -= n;
	}
	for (size_t i = 0; i < sizeof(policy); i++)
		printf("%02x", policy[i]);
	printf("\n");
	return r != 0;
}
