/* SPDX-License-Identifier: ISC */
#include "base/sha256.h"
#include "tpm/name.h"

int
tpm_compute_name(struct slice area, uint8_t ret[TPM_NAME_LEN])
{
	ret[0] = 0x00; /* TPM_ALG_SHA256 */
	ret[1] = 0x0b;
	return sha256(area, ret + 2);
}
