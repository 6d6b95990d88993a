/* SPDX-License-Identifier: ISC */
/*
 * An endorsement key's public area, and behind it what an NV index holds: the
 * key's own encoding is one that OpenSSL writes, too.
 */
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>

#include "attest/ek-cert.h"
#include "attest/machine-id.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_spki(const struct ek_public *ek)
{
	char id[MACHINE_ID_LEN + 1];
	struct bytes spki = { 0 };
	unsigned char *again = NULL;
	const unsigned char *p;
	X509_PUBKEY *key;
	int len;

	if (ek_public_spki(ek, &spki) != 0 || machine_id(ek, id) != 0 ||
	    !machine_id_is_wellformed(id))
		abort();
	p = spki.data;
	key = d2i_X509_PUBKEY(NULL, &p, (long)spki.len);
	len = i2d_X509_PUBKEY(key, &again);
	if (key == NULL ||
	    !slice_equal(
		bytes_slice(&spki), (struct slice){ again, (size_t)len }))
		abort();
	OPENSSL_free(again);
	X509_PUBKEY_free(key);
	bytes_reset(&spki);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = size < 2 ? size : 2 + ((size_t)data[0] << 8 | data[1]);
	struct slice rest, cert;
	struct ek_public ek;

	log_begin_secret();
	if (len > size)
		len = size;
	if (ek_public_parse((struct slice){ data, len }, &ek) != 0)
		return 0;
	check_spki(&ek);
	rest = (struct slice){ data + len, size - len };
	if (ek_cert_unwrap(rest, &cert) == 0)
		(void)!ek_cert_check_key(cert, &ek);
	while (ek_cert_next(&rest, &cert) == 0 && cert.len > 0)
		(void)!ek_cert_check_key(cert, &ek);
	return 0;
}
