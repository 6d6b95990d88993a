/* SPDX-License-Identifier: ISC */
/*
 * Endorsement certificates, each with its length in two bytes before it,
 * against one root; and the same bytes as a bundle of roots.
 */
#include <stdint.h>
#include <stdlib.h>

#include "attest/ek-chain.h"
#include "attest/message.h"
#include "attest/tpm2b.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* When the certificates of the corpus are valid. */
#define NOW 1800000000

/* It has issued the first issuer in the corpus. */
static const char root[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBZDCCAQugAwIBAgIBATAKBggqhkjOPQQDAjAaMRgwFgYDVQQDDA9Sb290IG9m\n"
    "IGEgbWFrZXIwHhcNMjYxMTI2MDYwNDE1WhcNNDYxMTIxMDYwNDE1WjAaMRgwFgYD\n"
    "VQQDDA9Sb290IG9mIGEgbWFrZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATk\n"
    "ItUQI0sDW9UJcmSimh+SvHwymI1lRIti5CtO7G7WFyfQt1ococfnjdh2KAHZI8uE\n"
    "xhZsaop8PPblj4WkXU5uo0IwQDAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBQ3\n"
    "yyJf3T4w4IKG8aex/GbK7DiHfDAOBgNVHQ8BAf8EBAMCAgQwCgYIKoZIzj0EAwID\n"
    "RwAwRAIgBRevx519lpNppUB5Otw+DowknQZcHuD8WmL/OrHmp9ACIGfvyyCIG9UH\n"
    "8q9bnxkVMVJ4T1MO6SB61A8Vm7zKRnte\n"
    "-----END CERTIFICATE-----\n";

static struct ek_roots *
make_roots(struct slice pem)
{
	struct ek_roots *roots;

	if (ek_roots_new(&roots) != 0)
		abort();
	if (ek_roots_add(roots, pem, EK_MARKED) != 0)
		log_debug("not a bundle");
	return roots;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice certs[MESSAGE_CERTIFICATES_MAX];
	struct slice rest = { data, size };
	static struct ek_roots *known;
	struct ek_roots *others;
	size_t n = 0;

	log_begin_secret();
	if (known == NULL)
		known = make_roots(slice_of_text(root));
	while (n < MESSAGE_CERTIFICATES_MAX && tpm2b_take(&rest, &certs[n]))
		n++;
	if (ek_chain_verify(known, certs, n, NOW) == 0 && n < 2)
		abort();
	others = make_roots((struct slice){ data, size });
	if (ek_chain_verify(others, certs, n, NOW) == 0)
		abort();
	ek_roots_free(others);
	return 0;
}
