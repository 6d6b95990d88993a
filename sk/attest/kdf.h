/* SPDX-License-Identifier: ISC */
/*
 * The key derivations of the TPM 2.0 Library, part 1: KDFa (SP 800-108 in
 * counter mode, with HMAC) and KDFe (SP 800-56A). The zero byte that ends a
 * label is put in here.
 */
#ifndef SKTPM_KDF_H
#define SKTPM_KDF_H

#include <openssl/evp.h>

#include "base/bytes.h"

/* The number of bytes that hold so many bits. */
#define KDF_LEN(bits) (((bits) + 7) / 8)

/*
 * Store KDF_LEN(bits) bytes; where bits are left over, the highest ones of the
 * first byte are 0. 0, FAIL_MEMORY or FAIL_INTERNAL.
 */
int kdfa(const EVP_MD *hash, struct slice key, const char *label,
    struct slice context_u, struct slice context_v, uint32_t bits,
    uint8_t *ret) MUST_CHECK;
int kdfe(const EVP_MD *hash, struct slice z, const char *label,
    struct slice party_u, struct slice party_v, uint32_t bits,
    uint8_t *ret) MUST_CHECK;

#endif
