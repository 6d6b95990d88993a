/* SPDX-License-Identifier: ISC */
#include <openssl/hmac.h>
#include <string.h>

#include "attest/kdf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/wire.h"

/* HMAC where there is a key. Stores the digest, of the hash's length. */
static int
hash_block(const EVP_MD *hash, const struct slice *key, const struct bytes *in,
    uint8_t ret[EVP_MAX_MD_SIZE])
{
	bool ok = key != NULL
	    ? HMAC(hash, key->data, (int)key->len, in->data, in->len, ret,
		  NULL) != NULL
	    : EVP_Digest(in->data, in->len, ret, NULL, hash, NULL) == 1;

	return ok ? 0 : fail(FAIL_INTERNAL, "cannot derive a key");
}

/* `in` begins with the counter, which is 1 for the first block. */
static int
derive(const EVP_MD *hash, const struct slice *key, struct bytes *in,
    uint32_t bits, uint8_t *ret)
{
	const size_t len = KDF_LEN(bits), most = (size_t)EVP_MD_size(hash);
	uint8_t block[EVP_MAX_MD_SIZE];
	int r = 0;

	for (size_t done = 0, n; done < len && r == 0; done += n) {
		n = len - done < most ? len - done : most;
		in->data[3]++;
		if ((r = hash_block(hash, key, in, block)) == 0)
			memcpy(ret + done, block, n);
	}
	explicit_bzero(block, sizeof(block));
	if (bits % 8 != 0)
		ret[0] &= (uint8_t)((1u << bits % 8) - 1);
	return r;
}

int
kdfa(const EVP_MD *hash, struct slice key, const char *label,
    struct slice context_u, struct slice context_v, uint32_t bits, uint8_t *ret)
{
	struct bytes in = { 0 };
	int r;

	if ((r = wire_put_u32(&in, 0)) == 0 &&
	    (r = bytes_append(&in, label, strlen(label) + 1)) == 0 &&
	    (r = bytes_append(&in, context_u.data, context_u.len)) == 0 &&
	    (r = bytes_append(&in, context_v.data, context_v.len)) == 0 &&
	    (r = wire_put_u32(&in, bits)) == 0)
		r = derive(hash, &key, &in, bits, ret);
	bytes_reset(&in);
	return r;
}

int
kdfe(const EVP_MD *hash, struct slice z, const char *label,
    struct slice party_u, struct slice party_v, uint32_t bits, uint8_t *ret)
{
	struct bytes in = { 0 };
	int r;

	if ((r = wire_put_u32(&in, 0)) == 0 &&
	    (r = bytes_append(&in, z.data, z.len)) == 0 &&
	    (r = bytes_append(&in, label, strlen(label) + 1)) == 0 &&
	    (r = bytes_append(&in, party_u.data, party_u.len)) == 0 &&
	    (r = bytes_append(&in, party_v.data, party_v.len)) == 0)
		r = derive(hash, NULL, &in, bits, ret);
	bytes_reset(&in);
	return r;
}
